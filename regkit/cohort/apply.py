"""Rows of images and transforms: each is resampled once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from regkit.cohort.kind import RowKind
from regkit.cohort.reading import READING, split_reading
from regkit.cohort.row import PairRow
from regkit.errors import InputError
from regkit.io.components import ComponentAxes, TensorOrder
from regkit.resample import INTERPOLATIONS
from regkit.runs import RECORD
from regkit.runs.apply import ApplyJob
from regkit.runs.turned import TurnedValues
from regkit.runs.voxel_sizes import voxel_sizes
from regkit.transforms.reorientation import Turning

_TRUTHS = ("labels", "vectors")
_WORDS = {
    "interpolation": INTERPOLATIONS,
    "tensors": get_args(TensorOrder),
    "axes": get_args(ComponentAxes),
    "turn": get_args(Turning),
}


def make_apply_job(row: PairRow, folder: Path) -> ApplyJob:
    """One image through the transforms of its row, as ``warped.nii.gz`` beside its record.

    Raises
    ------
    InputError
        If an option is not allowed.
    """
    asked, reading = split_reading(row.options)
    _check(asked)
    voxel = asked.get("voxel")
    turned = TurnedValues.asked_for(
        asked.get("tensors"), bool(asked.get("vectors")), asked.get("axes"), asked.get("turn")
    )
    return ApplyJob(
        row.file("image"), row.files["transforms"], row.file("onto"), asked.get("labels"),
        float(asked.get("outside", 0.0)), asked.get("interpolation"),
        None if voxel is None else voxel_sizes(voxel), turned, asked.get("from"),
        output=folder / "warped.nii.gz", record=folder / RECORD, reading=reading, overwrite=True,
    )  # fmt: skip


def _check(asked: Mapping[str, Any]) -> None:
    """Refuse values of another kind, which the command line does not let through."""
    for name in _TRUTHS:
        if not isinstance(asked.get(name), bool | None):
            raise InputError(f"{name} is {asked[name]!r:.40}; allowed: true or false")
    outside = asked.get("outside", 0.0)
    if isinstance(outside, bool) or not isinstance(outside, int | float):
        raise InputError(f"outside is {outside!r:.40}; allowed: a number")
    for name, allowed in _WORDS.items():
        if asked.get(name) not in (None, *allowed):
            raise InputError(f"{name} is {asked[name]!r:.40}; allowed: {', '.join(allowed)}")
    if not isinstance(asked.get("from"), str | None):
        raise InputError(f"from is {asked['from']!r:.40}; allowed: the name of a program")


APPLY_ROWS = RowKind(
    "apply",
    make_apply_job,
    required=("image", "transforms", "onto"),
    several=("transforms",),
    options=(*_TRUTHS, *_WORDS, "outside", "voxel", "from", *READING),
    images=("image", "onto"),
    output="image",
    onto="onto",
)
