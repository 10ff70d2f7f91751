"""Rows of label maps: each pair is compared, structure by structure."""

from __future__ import annotations

from pathlib import Path

from regkit.cohort.kind import RowKind
from regkit.cohort.outliers import CohortOutliers
from regkit.cohort.reading import READING, split_reading
from regkit.cohort.row import PairRow
from regkit.errors import InputError
from regkit.runs.evaluate import EvaluateJob, EvaluatePaths

_LABELS = ("fixed_labels", "moving_labels")
_MORE = ("fixed_landmarks", "moving_landmarks", "fixed", "moving")


def make_evaluate_job(row: PairRow, folder: Path) -> EvaluateJob:
    """The comparison of a row.

    Raises
    ------
    InputError
        If an option is not allowed.
    """
    asked, reading = split_reading(row.options)
    paths = EvaluatePaths(
        **{column: row.file_or_none(column) for column in (*_LABELS, *_MORE)},
        transforms=row.files.get("transforms", ()),
    )
    tolerance, program = asked.get("tolerance"), asked.get("from")
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float | None):
        raise InputError(f"tolerance is {tolerance!r:.40}; allowed: a number, in world units")
    if not isinstance(program, str | None):
        raise InputError(f"from is {program!r:.40}; allowed: the name of a program")
    return EvaluateJob(paths, folder, tolerance, reading, program, overwrite=True)


EVALUATE_ROWS = RowKind(
    "evaluate",
    make_evaluate_job,
    required=_LABELS,
    optional=(*_MORE, "transforms"),
    several=("transforms",),
    options=("tolerance", "from", *READING),
    images=("fixed_labels", "moving_labels"),
    output="moving_labels",
    onto="fixed_labels",
    outliers={
        "dice_mean": CohortOutliers(-1, 0.005),
        "dice_worst": CohortOutliers(-1, 0.02),
        "hd95_mean": CohortOutliers(1, 0.05),
        "structures_lost": CohortOutliers(1, 0.5),
        "landmark_error_mean": CohortOutliers(1, 0.05),
    },
)
