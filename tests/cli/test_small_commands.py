import json

import numpy as np
import pytest
import torch

from regkit import read, read_labels
from regkit.cli import main


def test_apply_gives_the_warped_image_again(registered, files, tmp_path, capsys):
    out = tmp_path / "again.nii.gz"
    words = ["apply", files.moving, registered / "transform.h5", "--onto", files.fixed, "-o", out]
    assert main([*map(str, words)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    torch.testing.assert_close(
        read(out).data, read(registered / "warped.nii.gz").data, atol=0.02, rtol=0
    )


def test_apply_keeps_labels(registered, files, tmp_path):
    out = tmp_path / "labels.nii.gz"
    words = ["apply", files.labels, registered / "transform.h5", "--onto", files.fixed]
    assert main([*map(str, words), "-o", str(out), "--labels"]) == 0
    same = read_labels(registered / "warped_lobes.nii.gz").data == read_labels(out).data
    assert same.float().mean() > 0.999


def test_apply_takes_several_transforms_in_order(registered, files, tmp_path):
    out = tmp_path / "there_and_back.nii.gz"
    both = [registered / "transform.h5", registered / "inverse.h5"]
    words = ["apply", files.fixed, *both, "--onto", files.fixed, "-o", out]
    assert main([*map(str, words)]) == 0
    assert (read(out).data - read(files.fixed).data).abs().max() < 3


def test_apply_refuses_a_file_that_is_there(registered, files, capsys):
    words = ["apply", files.moving, registered / "transform.h5", "--onto", files.fixed]
    assert main([*map(str, words), "-o", str(registered / "warped.nii.gz")]) == 2
    assert "warped.nii.gz" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (["--labels", "--outside", "-1"], "0 to 255"),
        (["--labels", "--outside", "300"], "0 to 255"),
        (["--outside", "0.5"], "0 to 255"),
        (["--outside", "-1000"], "0 to 255"),
    ],
)
def test_apply_refuses_a_value_outside_that_the_image_cannot_hold(
    files, words, allowed, tmp_path, capsys
):
    from regkit import Affine, write_transform

    write_transform(Affine.identity(), tmp_path / "same.h5")
    line = ["apply", files.labels, tmp_path / "same.h5", "--onto", files.fixed]
    assert main([*map(str, line), "-o", str(tmp_path / "out.nii.gz"), *words]) == 2
    assert f"does not fit its type uint8; allowed: whole numbers from {allowed}" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "out.nii.gz").exists()


def test_points_go_there_and_back(registered, head, tmp_path, capsys):
    start = head.grid.centre + np.array([[1.5, 2.0, -3.0], [0.0, 0.0, 0.0]])
    table = tmp_path / "p.csv"
    table.write_text("x,y,z,name\n" + "".join(f"{x},{y},{z},tip\n" for x, y, z in start))
    phi = str(registered / "transform.h5")
    assert main(["points", str(table), phi]) == 0
    table.write_text(capsys.readouterr().out)
    assert main(["points", str(table), phi, "--of", "moving"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header == "x,y,z,name"
    back = np.array([[float(cell) for cell in row.split(",")[:3]] for row in rows])
    np.testing.assert_allclose(back, start, atol=0.05)


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_info_says_what_a_file_is_taken_for(files, capsys, words):
    assert main(["info", str(files.fixed), *words]) == 0
    out = capsys.readouterr().out
    if words:
        facts = json.loads(out)
        assert (facts["shape"], facts["orientation"]) == ([24, 28, 20], "LAS")
    else:
        assert "spacing     1.3 1.1 1.9" in out
