"""Rows 26, 40 and 59: what looks odd and is right."""

import json

import pytest

from regkit import read
from regkit.cli import main

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
    assert "notice  fixed and moving are the same file" in capsys.readouterr().err
    record = json.loads((place.out / "run.json").read_text())
    assert record["metrics"]["folding"] == 0
    warped = read(place.out / "warped.nii.gz").data - read(place.fixed).data
    assert warped[:, 1:-1, 1:-1, 1:-1].abs().mean() < 1.5  # of 110, after three iterations


@pytest.mark.parametrize("name", ["a b.nii", "größe.nii", "two\nlines.nii", "n" * 251 + ".nii"])
def test_odd_names(place, name, capsys):
    place.fixed.rename(place.inputs / name)
    assert main(["info", str(place.inputs / name)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 11
