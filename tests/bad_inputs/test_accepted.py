"""Rows 26, 40 and 59: what looks odd and is right."""

import json

import numpy as np
import pytest

from regkit import read
from regkit.cli import main
from tests.io.conftest import forged

FEW = "linear: {spacings: [6.0], iterations: 3}\nfield: {factors: [2], iterations: [3]}\n"


@pytest.fixture
def few(place):
    path = place.inputs / "few.yaml"
    path.write_text(FEW)
    return ["--config", str(path), "--threads", "1", "--overwrite"]


def test_a_left_handed_image_gives_what_its_right_handed_twin_gives(place, few):
    assert read(place.moving).grid.orientation == "LAS"
    twin = read(place.moving).reoriented("RAS").save(place.inputs / "ras.nii")
    found = []
    for moving in (place.moving, twin):
        assert main(["register", str(place.fixed), str(moving), "-o", str(place.out), *few]) == 0
        found.append(read(place.out / "warped.nii.gz").data)
    assert (found[0] - found[1]).abs().max() < 0.02


def test_an_image_and_itself(place, few, capsys):
    words = ["register", place.fixed, place.fixed, "-o", place.out, *few]
    assert main([*map(str, words)]) == 0
    assert "notice  fixed and moving are one image; nothing has to move" in capsys.readouterr().err
    record = json.loads((place.out / "run.json").read_text())
    assert record["metrics"]["folding"] == 0
    warped = read(place.out / "warped.nii.gz").data - read(place.fixed).data
    assert warped.abs().max() == 0
    assert {stage["name"] for stage in record["stages"]} == {"identity", "output"}
    assert set(record["outputs"]) <= {path.name for path in place.out.iterdir()}


def again(place):
    return ["rerun", str(place.out / "run.json"), "--data", str(place.inputs), "-q"]


def sheared(place, data, **fields):
    """Data of 16x18x20 where fixed lies, its axes off a right angle by 0.3."""
    affine = read(place.fixed).grid.affine.copy()
    affine[:3, 1] += [0.36, 0, 0]
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    pixdim = dict(enumerate(spacing, start=1))
    return forged(
        place.inputs / "sheared.nii", data, forms=("sform",), affine=affine, pixdim=pixdim, **fields
    )


@pytest.mark.parametrize("slot", ["fixed", "moving", "apply", "onto", "info"])
def test_a_sheared_image_where_it_is_allowed(place, few, slot, capsys):
    path = sheared(place, read(place.fixed).data[0].numpy())
    more = few if slot in ("fixed", "moving") else []
    assert main([*place.words(slot, path), "--allow-shear", *more]) == 0
    told = capsys.readouterr().err
    if slot in ("fixed", "moving"):
        notices = json.loads((place.out / "run.json").read_text())["notices"]
        assert [f"notice  {each}" for each in notices] == told.splitlines()[2:3]
        assert "sheared.nii is sheared" in notices[0]
    if slot == "fixed":
        grid = read(path, allow_shear=True).grid.straightened()
        assert "x".join(map(str, grid.shape)) in notices[0]
        for name in ("warped.nii.gz", "jacobian.nii.gz"):
            found = read(place.out / name).grid
            assert found.shape == grid.shape
            np.testing.assert_allclose(found.affine, grid.affine, atol=1e-5)
        assert main(again(place)) == 0


def test_masks_and_labels_of_a_sheared_image(place, few):
    fixed = read(place.fixed).data[0].numpy()
    path = sheared(place, fixed).rename(place.inputs / "f.nii")
    mask = sheared(place, (fixed > 10).astype(np.uint8))
    words = ["register", path, place.moving, "-o", place.out, "--fixed-mask", mask]
    words += ["--fixed-labels", mask, "--moving-labels", place.labels, "--allow-shear", *few]
    assert main([*map(str, words)]) == 0
    grid = read(path, allow_shear=True).grid.straightened()
    assert read(place.out / "warped_labels.nii.gz").grid.shape == grid.shape


@pytest.mark.parametrize("slot", ["fixed", "moving", "apply", "onto", "info"])
def test_one_channel_of_many(place, few, slot, capsys):
    grey = read(place.fixed).data[0].numpy().clip(0, 255).astype(np.uint8)
    colours = np.stack([grey, 0 * grey, 255 - grey])
    lying = colours.reshape(48, 18, 20, order="F")
    path = forged(
        place.inputs / "rgb.nii",
        lying,
        affine=read(place.fixed).grid.affine,
        dim={1: 16},
        datatype=128,
        bitpix=24,
    )
    more = few if slot in ("fixed", "moving") else []
    assert main([*place.words(slot, path), "--channel", "0", *more]) == 0
    if slot == "info":
        assert f"highest     {grey.max()}" in capsys.readouterr().out
    if slot == "fixed":
        assert json.loads((place.out / "run.json").read_text())["reading"]["channel"] == 0
        assert main(again(place)) == 0
    if slot == "apply":
        assert np.array_equal(read(place.out / "x.nii.gz").data[0], grey)


@pytest.mark.parametrize("name", ["a b.nii", "größe.nii", "two\nlines.nii", "n" * 251 + ".nii"])
def test_odd_names(place, name, capsys):
    place.fixed.rename(place.inputs / name)
    assert main(["info", str(place.inputs / name)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 15
