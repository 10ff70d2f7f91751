import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from regkit import Affine, InputError
from regkit.io import write_transform
from regkit.metrics import dice, surface_dice, surface_distances
from regkit.resample import warp
from regkit.runs import check, run
from regkit.runs.evaluate import EvaluateJob, EvaluatePaths, evaluate_again
from regkit.runs.rerun import find_inputs


@pytest.fixture
def shifted(parts, tmp_path):
    """Labels, the same a little elsewhere, and the transform between them."""
    shift = Affine(np.array([[1.0, 0, 0, 2], [0, 1, 0, -1], [0, 0, 1, 0.5], [0, 0, 0, 1]]))
    moved = warp(parts, shift.inverse(), onto=parts.grid)
    parts.save(tmp_path / "fixed.nii.gz")
    moved.save(tmp_path / "moving.nii.gz")
    write_transform(shift, tmp_path / "shift.h5")
    return moved


def test_labels_are_compared_as_they_lie(parts, shifted, tmp_path):
    paths = EvaluatePaths(tmp_path / "fixed.nii.gz", tmp_path / "moving.nii.gz")
    job = EvaluateJob(paths, tmp_path / "out")
    record = run(job).record
    scores, far = dice(parts, shifted), surface_distances(parts, shifted)
    assert record["metrics"]["dice_mean"] == pytest.approx(np.mean(list(scores.values())))
    assert record["metrics"]["hd95_worst"] == pytest.approx(max(e.hd95 for e in far.values()))
    with (tmp_path / "out" / "structures.csv").open(newline="") as file:
        rows = {int(row["label"]): float(row["dice"]) for row in csv.DictReader(file)}
    assert rows == pytest.approx(scores)


def test_a_transform_brings_them_together(shifted, tmp_path):
    paths = EvaluatePaths(tmp_path / "fixed.nii.gz", tmp_path / "moving.nii.gz")
    apart = run(EvaluateJob(paths, tmp_path / "apart", 1.0)).record["metrics"]
    job = EvaluateJob(replace(paths, transforms=(tmp_path / "shift.h5",)), tmp_path / "met", 1.0)
    done = run(job)
    metrics = done.record["metrics"]
    assert metrics["dice_mean"] > apart["dice_mean"] + 0.1
    assert metrics["surface_dice_mean"] > apart["surface_dice_mean"]
    assert metrics["structures_lost"] == metrics["folding"] == 0
    assert metrics["log_jacobian_sd"] == pytest.approx(0, abs=1e-6)
    assert done.summary[0].startswith(f"labels  mean Dice {metrics['dice_mean']:.3f}, mean surface")
    repeated = evaluate_again(done.record, find_inputs(done.record, [tmp_path]), tmp_path / "again")
    assert run(repeated).record["sha256"] == done.record["sha256"]
    with pytest.raises(InputError, match="must name labels or landmarks of a pair"):
        evaluate_again(done.record, [], tmp_path)


def test_surfaces_agree_within_the_tolerance_that_was_asked_for(parts, shifted, tmp_path):
    paths = EvaluatePaths(tmp_path / "fixed.nii.gz", tmp_path / "moving.nii.gz")
    for tolerance in (0.5, None):
        folder = tmp_path / str(tolerance)
        metrics = run(EvaluateJob(paths, folder, tolerance)).record["metrics"]
        within = float(max(parts.grid.spacing)) if tolerance is None else tolerance
        near = surface_dice(parts, shifted, within)
        assert metrics["surface_tolerance"] == pytest.approx(within)
        assert metrics["surface_dice_mean"] == pytest.approx(np.mean(list(near.values())))
        with (folder / "structures.csv").open(newline="") as file:
            rows = {int(row["label"]): float(row["surface_dice"]) for row in csv.DictReader(file)}
        assert rows == pytest.approx(near)


def test_landmarks_are_compared_alone(shifted, tmp_path):
    (tmp_path / "a.csv").write_text("x,y,z,name\n0,0,0,apex\n10,0,5,base\n")
    (tmp_path / "b.csv").write_text("x,y,z,name\n2,-1,0.5,apex\n12,-1,8.5,base\n")
    paths = EvaluatePaths(
        fixed_landmarks=tmp_path / "a.csv",
        moving_landmarks=tmp_path / "b.csv",
        transforms=(tmp_path / "shift.h5",),
    )
    done = run(EvaluateJob(paths, tmp_path / "out"))
    metrics = done.record["metrics"]
    assert metrics["landmark_error_mean"] == pytest.approx(1.5)
    assert metrics["landmark_error_max"] == pytest.approx(3)
    assert (tmp_path / "out" / "landmarks.csv").read_text().splitlines() == [
        "landmark,error_before,error,unit",
        "apex,2.29128785,0,mm",
        "base,4.15331193,3,mm",
    ]
    assert not (tmp_path / "out" / "structures.csv").exists()
    again = evaluate_again(done.record, find_inputs(done.record, [tmp_path]), tmp_path / "again")
    assert run(again).record["sha256"] == done.record["sha256"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "there is nothing to measure"),
        ({"transforms": (Path("a.h5"),)}, "there is nothing to measure"),
        (
            {"moving_labels": Path("b.nii")},
            "b.nii: has no counterpart; give --fixed-labels",
        ),
        (
            {"fixed_landmarks": Path("a.csv")},
            "a.csv: has no counterpart; give --landmarks",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_before_a_file_is_opened(given, message, tmp_path):
    with pytest.raises(InputError, match=message):
        check(EvaluateJob(EvaluatePaths(**given), tmp_path / "out"))


@pytest.mark.parametrize("given", [{"program": "fsl"}, {"fixed": Path("c.nii")}])
def test_what_is_said_of_no_transform_is_refused(given, tmp_path):
    program = given.pop("program", None)
    paths = EvaluatePaths(Path("a.nii"), Path("b.nii"), **given)
    with pytest.raises(InputError, match="are of a transform; give TRANSFORM, or leave them out"):
        check(EvaluateJob(paths, tmp_path / "out", program=program))


def test_a_tolerance_is_a_length(tmp_path):
    paths = EvaluatePaths(Path("a.nii"), Path("b.nii"))
    with pytest.raises(InputError, match=r"--tolerance -1: must be finite and 0 or more"):
        check(EvaluateJob(paths, tmp_path / "out", -1.0))


def test_files_of_other_dimensions_are_refused(shifted, tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n0,0\n")
    flat = tmp_path / "a.csv"
    paths = EvaluatePaths(
        fixed_landmarks=flat, moving_landmarks=flat, transforms=(tmp_path / "shift.h5",)
    )
    with pytest.raises(InputError, match="2-D and 3-D files cannot be compared"):
        run(EvaluateJob(paths, tmp_path / "out"))
