"""Commands that take a transform file of another program as it is: `--from`, `--init-from`."""

import json

import numpy as np
import pytest
import torch

from regkit import Affine, Grid, Volume, read, warp, write_transform
from regkit.cli import main
from regkit.geometry.affines import about, homogeneous, rotation


@pytest.fixture
def there(head, grid, tmp_path):
    """Two images and a matrix of FLIRT between them: fixed, moving, matrix, and the affine."""
    linear = rotation([0.1, -0.2, 0.4]) @ np.diag([1.1, 1.2, 1.7])
    onto = Grid((26, 24, 22), homogeneous(linear, grid.centre - linear @ [13, 12, 11]))
    fixed = Volume(torch.zeros(onto.shape), onto).save(tmp_path / "fixed.nii.gz")
    moving = head.save(tmp_path / "moving.nii.gz")
    phi = Affine(about(grid.centre, rotation([0.05, 0.1, -0.08])))
    matrix = write_transform(phi, tmp_path / "flirt.mat", program="fsl", fixed=fixed, moving=moving)
    return fixed, moving, matrix, phi


def _run(*words):
    return main([*map(str, words)])


def test_apply_knows_both_images(there, head, tmp_path, capsys):
    fixed, moving, matrix, phi = there
    out, record = tmp_path / "out.nii.gz", tmp_path / "out.json"
    words = ["apply", moving, matrix, "--onto", fixed, "-o", out]
    assert _run(*words) == 2
    assert "--from fsl" in capsys.readouterr().err
    assert _run(*words, "--from", "fsl", "--record", record) == 0
    truth = warp(head, phi, onto=read(fixed).grid)
    torch.testing.assert_close(read(out).data, truth.data, atol=0.02, rtol=0)
    assert json.loads(record.read_text())["asked"]["from"] == "fsl"
    assert _run("rerun", record, "-q") == 0


def test_points_and_jacobian_are_told_the_images(there, tmp_path, capsys):
    fixed, moving, matrix, phi = there
    table = tmp_path / "points.csv"
    table.write_text("x,y,z\n20,-12,3\n")
    out, record = tmp_path / "mapped.csv", tmp_path / "mapped.json"
    ends = ["--from", "fsl", "--fixed", fixed, "--moving", moving]
    assert _run("points", table, matrix, *ends, "-o", out, "--record", record) == 0
    found = [float(word) for word in out.read_text().split()[1].split(",")[:3]]
    np.testing.assert_allclose(found, phi([20.0, -12, 3]), atol=1e-4)
    assert _run("rerun", record, "-q") == 0
    capsys.readouterr()
    assert _run("points", table, matrix, *ends) == 0
    assert capsys.readouterr().out == out.read_text()
    image, record = tmp_path / "jac.nii.gz", tmp_path / "jac.json"
    words = ["jacobian", matrix, "--from", "fsl", "--onto", fixed, "-o", image]
    assert _run(*words) == 2
    assert "relative to the grid of the moving image" in capsys.readouterr().err
    assert _run(*words, "--moving", moving, "--record", record) == 0
    np.testing.assert_allclose(read(image).data, 1, atol=1e-4)
    assert _run("rerun", record, "-q") == 0


def test_a_registration_begins_with_it(there, tmp_path, capsys):
    fixed, moving, matrix, phi = there
    warp(read(moving), phi, onto=read(fixed).grid).save(fixed, overwrite=True)
    words = [
        "register",
        fixed,
        moving,
        "--transform",
        "rigid",
        "-o",
        tmp_path / "out",
        "--threads",
        1,
    ]
    assert _run(*words, "--init-from", "fsl") == 2
    assert "--init-from fsl is of a transform file" in capsys.readouterr().err
    words += ["--init", matrix]
    assert _run(*words, "--init-from", "fsl") == 0
    told = json.loads((tmp_path / "out" / "run.json").read_text())
    assert told["init_from"] == "fsl"
    assert _run("rerun", tmp_path / "out" / "run.json", "-q") == 0


def test_images_that_are_named_need_no_program(there, tmp_path, capsys):
    fixed, moving, _, phi = there
    table = tmp_path / "points.csv"
    table.write_text("x,y,z\n20,-12,3\n")
    matrix = write_transform(phi, tmp_path / "phi.1D", fixed=fixed, moving=moving)
    assert _run("points", table, matrix, "--fixed", fixed, "--moving", moving) == 0
    found = [float(word) for word in capsys.readouterr().out.split()[1].split(",")[:3]]
    np.testing.assert_allclose(found, phi([20.0, -12, 3]), atol=1e-4)


def test_evaluate_takes_the_labels_for_the_images(there, parts, tmp_path, capsys):
    fixed, moving, matrix, phi = there
    marks = tmp_path / "fixed.csv", tmp_path / "moving.csv"
    for path, (x, y, z) in zip(marks, ([20.0, -12, 3], phi([20.0, -12, 3])), strict=True):
        path.write_text(f"x,y,z\n{x},{y},{z}\n")
    labels = parts.save(tmp_path / "moving_labels.nii.gz")
    onto = warp(parts, phi, onto=read(fixed).grid).save(tmp_path / "fixed_labels.nii.gz")
    words = ["evaluate", matrix, "--landmarks", *marks]
    drawn = ["--fixed-labels", onto, "--moving-labels", labels]
    assert _run(*words, *drawn, "-o", tmp_path / "refused") == 2
    assert "--from fsl" in capsys.readouterr().err
    ends = ["--from", "fsl", "--fixed", fixed, "--moving", moving]
    for name, more in (("drawn", [*drawn, "--from", "fsl"]), ("named", ends)):
        out = tmp_path / name
        assert _run(*words, *more, "-o", out) == 0
        record = json.loads((out / "run.json").read_text())
        assert record["metrics"]["landmark_error_max"] < 1e-4
        assert record["asked"]["from"] == "fsl"
        assert _run("rerun", out / "run.json", "-q") == 0
    assert json.loads((tmp_path / "drawn/run.json").read_text())["metrics"]["dice_mean"] == 1
