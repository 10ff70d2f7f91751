"""Rows of scenes on the earth: each pair a registration."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, cast

from regkit.cohort.kind import OutcomeView, RowKind
from regkit.cohort.outliers import CohortOutliers
from regkit.cohort.reading import READING, split_reading
from regkit.cohort.row import PairRow
from regkit.cohort.thumbnail import thumbnail_of
from regkit.errors import InputError
from regkit.registration.scenes import SceneConfig
from regkit.runs import Outcome
from regkit.runs.scenes.job import SceneJob, make_scene_job
from regkit.runs.scenes.outcome import SceneOutcome

_TRUTHS = ("keep_resolution", "shift_only")
_BANDS, _STAC = "mask_bands", "stac"
_OPTIONS = (*SceneConfig.model_fields, *_TRUTHS, _BANDS, _STAC, *READING)


def make_scene_row(row: PairRow, folder: Path) -> SceneJob:
    """The registration of two scenes of a row, whose results replace what is there.

    Raises
    ------
    InputError
        If an option is not allowed.
    """
    asked, reading = split_reading(row.options)
    own = {name: asked.pop(name) for name in (*_TRUTHS, _BANDS, _STAC) if name in asked}
    files = tuple(map(str, row.files.get("mask", ())))
    return make_scene_job(
        row.file("fixed"),
        row.file("moving"),
        folder,
        file=None,
        options=asked,
        masks=(*_bands(own), *files),
        **{name: _truth(own, name) for name in _TRUTHS},
        stac=_time(own),
        overwrite=True,
        reading=reading,
    )


def _bands(own: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of bands that hide the ground: one, or a list."""
    found = own.get(_BANDS, [])
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise InputError(f"{_BANDS} is {found!r:.40}; allowed: a band, or [SCL, QA_PIXEL]")
    return tuple(found)


def _truth(own: Mapping[str, Any], name: str) -> bool:
    found = own.get(name, False)
    if not isinstance(found, bool):
        raise InputError(f"{name} is {found!r:.40}; allowed: true or false")
    return found


def _time(own: Mapping[str, Any]) -> str | None:
    found = own.get(_STAC)
    if isinstance(found, date):  # of which YAML makes one
        return found.isoformat()
    return None if found is None else str(found)


def see_scenes(outcome: Outcome) -> OutcomeView:
    """By what the two were compared, and a picture; the record has the numbers."""
    from regkit.report.scenes.page import scene_cuts

    result = cast(SceneOutcome, outcome).result
    group = f"{result.config.transform} by {result.fit.similarity}"
    return OutcomeView(group=group, picture=thumbnail_of(scene_cuts(result)))


SCENE_ROWS = RowKind(
    "scene",
    make_scene_row,
    required=("fixed", "moving"),
    optional=("mask",),
    several=("mask",),
    options=_OPTIONS,
    output="moving",
    onto="fixed",
    see=see_scenes,
    outliers={
        "left_out_px": CohortOutliers(1, 1e-3),
        "residual_px": CohortOutliers(1, 0.01),
        "valid_share": CohortOutliers(-1, 0.01),
        "correlation_after": CohortOutliers(-1, 1e-3),
        "displacement_mean_px": CohortOutliers(0, 0.1),
    },
)
