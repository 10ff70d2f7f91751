"""`regkit convert-transform` and `regkit transform`."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from regkit import Affine, Volume, read_transform, write_transform
from regkit.cli import main
from regkit.transforms import DisplacementField
from tests.io.transform_formats.pair import FIXED, MOVING, TURN, bend_on, inside

POINTS = inside(FIXED)


@pytest.fixture
def pair(tmp_path):
    """The words that name both images, on disk."""
    out = []
    for end, grid in (("fixed", FIXED), ("moving", MOVING)):
        image = Volume(np.zeros(grid.shape, np.float32), grid, end)
        out += [f"--{end}", image.save(tmp_path / f"{end}.nii.gz")]
    return out


def run(*words):
    return main([*map(str, words)])


def test_from_fsl_to_freesurfer_and_back(pair, tmp_path, capsys):
    start = write_transform(TURN, tmp_path / "a.mat", program="fsl", fixed=FIXED, moving=MOVING)
    assert run("convert-transform", start, tmp_path / "b.lta", "--from", "fsl", *pair) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'b.lta'}\n"
    assert "points of fixed to points of moving" in said.err
    assert run("convert-transform", tmp_path / "b.lta", tmp_path / "c.tfm") == 0
    assert_allclose(read_transform(tmp_path / "c.tfm").matrix, TURN.matrix, atol=1e-4)


def test_inverse_swaps_the_images(pair, tmp_path):
    start = write_transform(TURN, tmp_path / "a.tfm")
    out = tmp_path / "b.lta"
    assert run("transform", "invert", start, "-o", out, *pair) == 0
    assert_allclose(read_transform(out, moving=FIXED).matrix, TURN.inverse().matrix, atol=1e-6)


def test_compose_takes_files_in_the_order_of_a_point(tmp_path):
    bend = bend_on(FIXED)
    first = write_transform(bend, tmp_path / "warp.nii.gz")
    then = write_transform(TURN.inverse(), tmp_path / "a.mat")
    out = tmp_path / "c.h5"
    assert run("transform", "compose", first, f"[{then},1]", "-o", out, "-q") == 0
    assert_allclose(read_transform(out)(POINTS), (TURN @ bend)(POINTS), atol=1e-3)
    onto = ["--fixed", Volume(np.zeros(FIXED.shape), FIXED).save(tmp_path / "f.nii")]
    assert run("transform", "compose", out, "-o", tmp_path / "c.nii.gz", *onto, "-q") == 0
    sampled = read_transform(tmp_path / "c.nii.gz")
    nodes = FIXED.world_points()[::5, ::5, ::5].reshape(-1, 3)
    assert isinstance(sampled, DisplacementField)
    assert_allclose(sampled(nodes), (TURN @ bend)(nodes), atol=1e-3)


def test_average(tmp_path, capsys):
    there, back = (write_transform(each, tmp_path / f"{n}.tfm") for n, each in
                   enumerate((TURN, TURN.inverse())))  # fmt: skip
    assert run("transform", "average", there, back, "-o", tmp_path / "m.tfm") == 0
    assert_allclose(read_transform(tmp_path / "m.tfm").matrix, np.eye(4), atol=1e-9)
    warp = write_transform(bend_on(FIXED), tmp_path / "w.h5")
    words = ("transform", "average", there, warp, "-o", tmp_path / "n.h5")
    assert run(*words) == 2
    assert "displacements are averaged on a grid; give --fixed" in capsys.readouterr().err
    assert not (tmp_path / "n.h5").exists()
    fixed = Volume(np.zeros(FIXED.shape), FIXED).save(tmp_path / "f.nii")
    assert run(*words, "--fixed", fixed) == 0
    nodes = FIXED.world_points()[1:-1:4, 1:-1:4, 1:-1:4].reshape(-1, 3)
    wanted = (TURN(nodes) + bend_on(FIXED)(nodes)) / 2
    assert_allclose(read_transform(tmp_path / "n.h5")(nodes), wanted, atol=1e-3)


def test_record_resume_and_rerun(pair, tmp_path, capsys):
    start = write_transform(TURN, tmp_path / "a.mat", program="fsl", fixed=FIXED, moving=MOVING)
    record = tmp_path / "a.json"
    words = ["convert-transform", f"[{start},1]", tmp_path / "b.tfm", "--from", "fsl"]
    swapped = ["--fixed", pair[3], "--moving", pair[1], "--record", record]
    assert run(*words, *swapped) == 0
    known = json.loads(record.read_text())
    assert known["asked"] == {
        "verb": "compose", "inverted": [True], "invert": False, "from": "fsl", "to": None
    }  # fmt: skip
    assert known["parts"] == ["Affine"]
    assert_allclose(known["matrix"], TURN.inverse().matrix, atol=1e-4)
    assert run(*words, *swapped, "--resume") == 0
    assert "was finished before" in capsys.readouterr().err
    assert run("rerun", record, "--data", tmp_path, "-q") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "the result is identical"
    known["asked"]["inverted"] = []
    record.write_text(json.dumps(known))
    assert run("rerun", record, "--data", tmp_path) == 2
    assert "it is damaged" in capsys.readouterr().err


def test_dry_run_writes_nothing(tmp_path, capsys):
    start = write_transform(TURN, tmp_path / "a.tfm")
    assert run("convert-transform", start, tmp_path / "b.h5", "--dry-run") == 0
    assert "would write" in capsys.readouterr().out
    assert not (tmp_path / "b.h5").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.tfm", "b.lta"], "b.lta: an LTA is relative to the grid of the fixed image"),
        (["a.tfm", "b.foo"], "b.foo: .foo is not a transform format; writable"),
        (["a.tfm", "b.mat", "--to", "fls"], "'fls' is no program; allowed: itk, fsl"),
        (["a.tfm", "a.tfm"], "would overwrite the input"),
        (["w.h5", "b.mat", "--to", "greedy"], "b.mat: .mat holds an Affine, not a Displacement"),
        (["w.h5", "b.nii"], ""),
        (["none.tfm", "b.h5"], "none.tfm: not found"),
        (["[none.tfm,1]", "b.h5"], "none.tfm: not found"),
    ],
)
def test_refusals(words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_transform(TURN, tmp_path / "a.tfm")
    write_transform(bend_on(FIXED), tmp_path / "w.h5")
    before = sorted(tmp_path.iterdir())
    assert main(["convert-transform", *words]) == (2 if said else 0)
    err = capsys.readouterr().err
    if said:
        assert said in err
        assert len(err.splitlines()) <= 2
        assert sorted(tmp_path.iterdir()) == before


def test_other_commands_take_no_inverse_by_name(tmp_path, capsys, pair):
    start = write_transform(TURN, tmp_path / "a.tfm")
    words = ["apply", pair[3], f"[{start},1]", "--onto", pair[1], "-o", tmp_path / "o.nii"]
    assert run(*words) == 2
    assert "write the inverse with `regkit transform invert`" in capsys.readouterr().err
    (tmp_path / "p.csv").write_text("x,y,z\n1,2,3\n")
    assert run("points", tmp_path / "p.csv", f"[{start},1]") == 0
    row = capsys.readouterr().out.splitlines()[1].split(",")
    assert_allclose(np.array(row, float), TURN.inverse()([1.0, 2.0, 3.0]), atol=1e-5)


def test_the_identity_as_x5(tmp_path):
    start = write_transform(Affine.identity(), tmp_path / "a.tfm")
    assert run("transform", "compose", start, start, "-o", tmp_path / "b.x5") == 0
    assert_allclose(read_transform(tmp_path / "b.x5").matrix, np.eye(4))
