import csv

import numpy as np
import pytest

from regkit import Affine, InputError
from regkit.io import write_transform
from regkit.metrics import dice, surface_distances
from regkit.resample import warp
from regkit.runs import run
from regkit.runs.evaluate import EvaluateJob, evaluate_again
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
    job = EvaluateJob(tmp_path / "fixed.nii.gz", tmp_path / "moving.nii.gz", (), tmp_path / "out")
    record = run(job).record
    scores, far = dice(parts, shifted), surface_distances(parts, shifted)
    assert record["metrics"]["dice_mean"] == pytest.approx(np.mean(list(scores.values())))
    assert record["metrics"]["hd95_worst"] == pytest.approx(max(e.hd95 for e in far.values()))
    with (tmp_path / "out" / "structures.csv").open(newline="") as file:
        rows = {int(row["label"]): float(row["dice"]) for row in csv.DictReader(file)}
    assert rows == pytest.approx(scores)


def test_a_transform_brings_them_together(shifted, tmp_path):
    paths = (tmp_path / "fixed.nii.gz", tmp_path / "moving.nii.gz")
    apart = run(EvaluateJob(*paths, (), tmp_path / "apart")).record["metrics"]
    job = EvaluateJob(*paths, (tmp_path / "shift.h5",), tmp_path / "met")
    done = run(job)
    assert done.record["metrics"]["dice_mean"] > apart["dice_mean"] + 0.1
    assert done.record["metrics"]["structures_lost"] == 0
    assert done.summary == (f"done    mean Dice {done.record['metrics']['dice_mean']:.3f}",)
    repeated = evaluate_again(done.record, find_inputs(done.record, [tmp_path]), tmp_path / "again")
    assert run(repeated).record["sha256"] == done.record["sha256"]
    with pytest.raises(InputError, match="must name labels of fixed and of moving"):
        evaluate_again(done.record, [], tmp_path)
