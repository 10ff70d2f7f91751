"""`regkit convert` and `regkit jacobian`: values and places as they were, judged by SimpleITK."""

import json

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import torch

from regkit import Affine, Grid, Volume
from regkit.cli import main
from regkit.geometry.affines import homogeneous
from regkit.io import read, read_labels, save_series, write_transform

TILT = np.array([[0, 0, 0], [0, 0, 0.3], [0, 0, 0]])
SLOPE = torch.tensor([1.0, 2, -3], dtype=torch.float64)


def run(*words):
    return main([*map(str, words), "-q"])


@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".mhd", ".mgz", ".nii"])
def test_values_and_places_stay(head, tmp_path, ending):
    source = head.with_data((head.data * 900 - 300).round().to(torch.int16))
    source.save(tmp_path / "head.nii.gz")
    assert run("convert", tmp_path / "head.nii.gz", tmp_path / f"out{ending}") == 0
    assert run("convert", tmp_path / f"out{ending}", tmp_path / "back.nii.gz") == 0
    one, other = (nib.load(tmp_path / name) for name in ("head.nii.gz", "back.nii.gz"))
    np.testing.assert_array_equal(np.asarray(one.dataobj), np.asarray(other.dataobj))
    np.testing.assert_allclose(one.affine, other.affine, atol=1e-4)
    assert other.get_data_dtype() == np.int16
    if ending != ".mgz":  # which ITK does not read
        theirs = sitk.ReadImage(str(tmp_path / f"out{ending}"))
        again = sitk.ReadImage(str(tmp_path / "head.nii.gz"))
        np.testing.assert_allclose(theirs.GetOrigin(), again.GetOrigin(), atol=1e-3)
        np.testing.assert_allclose(theirs.GetDirection(), again.GetDirection(), atol=1e-5)
        np.testing.assert_array_equal(*map(sitk.GetArrayFromImage, (theirs, again)))


def test_frames_stay_together_and_one_can_be_chosen(head, tmp_path):
    frames = [head.with_data(head.data + n) for n in range(3)]
    save_series(frames, tmp_path / "series.nii.gz", repetition=2.5)
    assert run("convert", tmp_path / "series.nii.gz", tmp_path / "all.nii") == 0
    found = nib.load(tmp_path / "all.nii")
    assert found.shape == (*head.grid.shape, 3)
    assert found.header.get_zooms()[3] == pytest.approx(2.5)
    assert run("convert", tmp_path / "series.nii.gz", tmp_path / "one.nrrd", "--frame", 2) == 0
    torch.testing.assert_close(read(tmp_path / "one.nrrd").data, head.data + 2)


def test_a_sheared_image_is_laid_straight_where_that_is_allowed(head, tmp_path, capsys):
    tilted = Grid(head.grid.shape, head.grid.affine @ homogeneous(np.eye(3) + TILT, [0, 0, 0]))
    ramp = tilted.world_points() @ SLOPE
    nib.save(nib.Nifti1Image(ramp.numpy(), tilted.affine), tmp_path / "tilted.nii.gz")
    words = ["convert", str(tmp_path / "tilted.nii.gz"), str(tmp_path / "straight.nii.gz")]
    assert main(words) == 2
    assert "pass --allow-shear" in capsys.readouterr().err
    assert main([*words, "--allow-shear"]) == 0
    assert "resampled at right angles" in capsys.readouterr().err
    found = read(tmp_path / "straight.nii.gz")
    points = found.grid.world_points()
    last = torch.tensor(tilted.shape) - 1
    at = tilted.to_index(points)
    inside = ((at >= 0) & (at <= last)).all(-1)
    outside = ((at < -0.51) | (at > last + 0.51)).any(-1)
    assert inside.sum() > 1000
    torch.testing.assert_close(
        found.data[0][inside], (points @ SLOPE)[inside], atol=1e-2, rtol=0, check_dtype=False
    )
    assert found.data[0][outside].unique().tolist() == pytest.approx([float(ramp.min())])


def test_labels_of_a_sheared_map_are_never_mixed(parts, tmp_path, capsys):
    affine = parts.grid.affine @ homogeneous(np.eye(3) + TILT, [0, 0, 0])
    nib.save(nib.Nifti1Image(parts.data[0].numpy().astype(np.int16), affine), tmp_path / "map.nii")
    words = ["convert", str(tmp_path / "map.nii"), str(tmp_path / "out.nii"), "--allow-shear"]
    assert main(words) == 2
    assert "pass --labels to take the nearest voxel, or --no-labels" in capsys.readouterr().err
    assert main([*words, "--labels", "--record", str(tmp_path / "out.json")]) == 0
    found = set(read_labels(tmp_path / "out.nii").data.unique().tolist())
    assert found == set(parts.data.unique().tolist())
    assert main(["rerun", str(tmp_path / "out.json"), "-q"]) == 0


def test_labels_that_are_none_are_refused(head, parts, tmp_path, capsys):
    half = Volume(parts.data.float() + 0.5, parts.grid)
    half.save(tmp_path / "half.nii")
    assert run("convert", tmp_path / "half.nii", tmp_path / "out.nii", "--labels") == 2
    assert "half.nii" in capsys.readouterr().err
    assert not (tmp_path / "out.nii").exists()
    parts.save(tmp_path / "parts.nii")
    assert run("convert", tmp_path / "parts.nii", tmp_path / "out.mha", "--labels") == 0
    assert torch.equal(read_labels(tmp_path / "out.mha").data, parts.data)


def test_a_conversion_can_be_repeated(head, tmp_path):
    head.save(tmp_path / "head.nii.gz")
    record = tmp_path / "record.json"
    words = ("convert", tmp_path / "head.nii.gz", tmp_path / "out.nrrd", "--record", record)
    assert run(*words) == 0
    assert run("rerun", record) == 0
    assert run(*words) == 2
    assert run(*words, "--resume") == 0


def test_a_format_that_cannot_hold_it_is_refused_before_anything_is_read(head, tmp_path, capsys):
    save_series([head, head], tmp_path / "series.nii.gz")
    assert run("convert", tmp_path / "series.nii.gz", tmp_path / "out.png") == 2
    assert "out.png" in capsys.readouterr().err


@pytest.fixture
def growth(tmp_path):
    """A transform under which moving is twice as large along one axis."""
    write_transform(Affine(np.diag([1.0, 2.0, 1.0, 1.0])), tmp_path / "phi.h5")
    return tmp_path / "phi.h5"


def test_the_change_of_volume_is_written(head, growth, tmp_path):
    fixed = head.save(tmp_path / "fixed.nii.gz")
    record = tmp_path / "record.json"
    words = ("jacobian", growth, "--onto", fixed)
    assert run(*words, "-o", tmp_path / "j.nii.gz", "--record", record) == 0
    found = read(tmp_path / "j.nii.gz")
    np.testing.assert_allclose(found.affine, head.affine, atol=1e-4)
    torch.testing.assert_close(found.data, torch.full_like(found.data, 2.0))
    assert json.loads(record.read_text())["metrics"]["folding"] == 0
    assert run("rerun", record) == 0
    assert run(*words, "--log", "-o", tmp_path / "log.nii.gz") == 0
    torch.testing.assert_close(read(tmp_path / "log.nii.gz").data.mean(), torch.tensor(2.0).log())


def test_there_is_no_logarithm_of_a_fold(head, tmp_path, capsys):
    fixed = head.save(tmp_path / "fixed.nii.gz")
    write_transform(Affine(np.diag([-1.0, 1.0, 1.0, 1.0])), tmp_path / "mirror.h5")
    words = ("jacobian", tmp_path / "mirror.h5", "--onto", fixed, "-o", tmp_path / "log.nii")
    assert run(*words, "--log") == 2
    assert "mirror.h5: folds in 100 % of the voxels" in capsys.readouterr().err
    assert not (tmp_path / "log.nii").exists()
    assert run(*words) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "j.nii"], "there is no transform"),
        (["phi.h5", "-o", "j.nii"], "there is no reference"),
        (["phi.h5", "--run", "out", "-o", "j.nii"], "both say how to warp"),
    ],
)
def test_what_is_missing_is_named(words, message, capsys):
    assert run("jacobian", *words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["convert", "jacobian"])
def test_a_damaged_record_is_refused(kind, head, growth, tmp_path, capsys):
    fixed, record = head.save(tmp_path / "fixed.nii.gz"), tmp_path / "record.json"
    given = {"convert": (fixed, tmp_path / "o.nii"),
             "jacobian": (growth, "--onto", fixed, "-o", tmp_path / "o.nii")}  # fmt: skip
    assert run(kind, *given[kind], "--record", record) == 0
    said = json.loads(record.read_text())
    for change in ({"asked": {}}, {"outputs": ["o.nii"]}, {"outputs": {"image": "../o.nii"}}):
        record.write_text(json.dumps(said | change))
        assert run("rerun", record) == 2
        assert "it is damaged" in capsys.readouterr().err
