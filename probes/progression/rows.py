"""Rows of visits: each a measurement of change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from probes.progression.config import ProgressionConfig
from probes.progression.job import ProgressionJob
from regkit.cohort import CohortOutliers, PairRow, RowKind
from regkit.errors import InputError
from regkit.settings import validate

_OWN = ("structures", "years")


def make_progression_job(row: PairRow, folder: Path) -> ProgressionJob:
    """Make the measurement of a row, whose results replace what is there.

    Raises
    ------
    InputError
        If an option is not allowed.
    """
    asked = dict(row.options)
    structures, years = asked.pop("structures", {}), asked.pop("years", 0.0)
    try:
        named = tuple((str(n), tuple(map(int, g))) for n, g in dict(structures).items())
        apart = float(years)
    except (TypeError, ValueError) as error:
        raise InputError(
            'structures must be {"name": [label, ...]} and years a number; '
            f"got {structures!r:.60} and {years!r:.20}"
        ) from error
    return ProgressionJob(
        row.file("baseline"), row.file("follow_up"), folder, row.file_or_none("labels"), named,
        row.file_or_none("repeat"), apart, _config(asked), overwrite=True,
    )  # fmt: skip


def _config(asked: Mapping[str, Any]) -> ProgressionConfig:
    return validate(ProgressionConfig, asked, "option")


PROGRESSION_ROWS = RowKind(
    "progression",
    make_progression_job,
    required=("baseline", "follow_up"),
    optional=("labels", "repeat"),
    options=(*_OWN, *ProgressionConfig.model_fields),
    images=("baseline", "follow_up"),
    output="follow_up",
    onto="baseline",
    outliers={"difference": CohortOutliers(1, 0.01)},
)
