"""Rows of label maps: each pair is compared, structure by structure."""

from __future__ import annotations

from pathlib import Path

from regkit.cohort.kind import RowKind
from regkit.cohort.outliers import CohortOutliers
from regkit.cohort.reading import READING, split_reading
from regkit.cohort.row import PairRow
from regkit.runs.evaluate import EvaluateJob, EvaluatePaths


def make_evaluate_job(row: PairRow, folder: Path) -> EvaluateJob:
    """The comparison of a row.

    Raises
    ------
    InputError
        If an option is not allowed.
    """
    _, reading = split_reading(row.options)
    transforms = row.files.get("transforms", ())
    fixed, moving = row.file("fixed_labels"), row.file("moving_labels")
    paths = EvaluatePaths(fixed, moving, transforms=transforms)
    return EvaluateJob(paths, folder, reading=reading, overwrite=True)


EVALUATE_ROWS = RowKind(
    "evaluate",
    make_evaluate_job,
    required=("fixed_labels", "moving_labels"),
    optional=("transforms",),
    several=("transforms",),
    options=READING,
    images=("fixed_labels", "moving_labels"),
    output="moving_labels",
    onto="fixed_labels",
    outliers={
        "dice_mean": CohortOutliers(-1, 0.005),
        "dice_worst": CohortOutliers(-1, 0.02),
        "hd95_mean": CohortOutliers(1, 0.05),
        "structures_lost": CohortOutliers(1, 0.5),
    },
)
