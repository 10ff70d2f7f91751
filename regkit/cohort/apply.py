"""Rows of images and transforms: each is resampled once."""

from __future__ import annotations

from pathlib import Path

from regkit.cohort.kind import RowKind
from regkit.cohort.reading import READING, split_reading
from regkit.cohort.row import PairRow
from regkit.errors import InputError
from regkit.resample import INTERPOLATIONS
from regkit.runs import RECORD
from regkit.runs.apply import ApplyJob

_OWN = ("labels", "outside", "interpolation")


def make_apply_job(row: PairRow, folder: Path) -> ApplyJob:
    """One image through the transforms of its row, as ``warped.nii.gz`` beside its record.

    Raises
    ------
    InputError
        If an option is not allowed.
    """
    asked, reading = split_reading(row.options)
    labels, outside = asked.get("labels"), asked.get("outside", 0.0)
    if not isinstance(labels, bool | None):
        raise InputError(f"labels is {labels!r:.40}; allowed: true or false")
    if isinstance(outside, bool) or not isinstance(outside, int | float):
        raise InputError(f"outside is {outside!r:.40}; allowed: a number")
    interpolation = asked.get("interpolation")
    if interpolation not in (None, *INTERPOLATIONS):
        raise InputError(
            f"interpolation is {interpolation!r:.40}; allowed: {', '.join(INTERPOLATIONS)}"
        )
    return ApplyJob(
        row.file("image"), row.files["transforms"], row.file("onto"), labels, float(outside),
        interpolation,
        output=folder / "warped.nii.gz", record=folder / RECORD, reading=reading, overwrite=True,
    )  # fmt: skip


APPLY_ROWS = RowKind(
    "apply",
    make_apply_job,
    required=("image", "transforms", "onto"),
    several=("transforms",),
    options=(*_OWN, *READING),
    images=("image", "onto"),
    output="image",
    onto="onto",
)
