"""What a finished registration has found, read from its files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regkit.errors import InputError
from regkit.io import ReadOptions, open_image, open_labels, read_transform
from regkit.metrics.structures import read_structures
from regkit.registration.config import RegisterConfig
from regkit.registration.quality import Quality, QualityCheck
from regkit.registration.result import EngineStage, Level, Result
from regkit.resample import straighten
from regkit.runs.register.names import STRUCTURES, warped_name
from regkit.runs.register.outcome import RegisterOutcome
from regkit.runs.register.pair import OpenedPair
from regkit.settings import validate

if TYPE_CHECKING:
    from regkit.report import Page
    from regkit.runs.register.job import RegisterJob

_NOT_KEPT = (
    "This report was made again from the files of the run. The map of local agreement, where the "
    "run drew one, is in none of them."
)


class RestoredOutcome(RegisterOutcome):
    """A registration that was read from its files."""

    def page(self) -> Page:
        """The report, which says what it lacks."""
        page = super().page()
        return replace(page, notes=[*page.notes, _NOT_KEPT])


def restored_outcome(
    job: RegisterJob, pair: OpenedPair, places: Mapping[str, Path], record: Mapping[str, Any]
) -> RestoredOutcome:
    """Read what a registration has found, computing nothing anew.

    Parameters
    ----------
    job
        What was asked for.
    pair
        What was registered.
    places
        Where the outputs of the run are, by name.
    record
        What it wrote about itself.

    Raises
    ------
    InputError
        If an output cannot be used, or the record is damaged.
    """
    try:
        quality, config, stages = _quality(record), _config(record), _stages(record)
        metrics, before = _numbers(record["metrics"]), _numbers(record["metrics_before"])
        reason, preset = str(record["reason"]), record.get("preset")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the record does not say what the registration found ({error!r:.80}); it is damaged"
        ) from error
    reading = ReadOptions(channels="all", max_bytes=job.reading.max_bytes)
    result = Result(
        straighten(pair.fixed), pair.moving, open_image(places["warped.nii.gz"], reading),
        read_transform(places["transform.h5"]), read_transform(places["inverse.h5"]),
        open_image(places["jacobian.nii.gz"], reading), metrics, stages, config, reason, quality,
    )  # fmt: skip
    names = [warped_name(path) for path in job.paths.moving_labels]
    table = places.get(STRUCTURES)
    return RestoredOutcome(
        preset, result, {name: open_labels(places[name]) for name in names}, before,
        tuple(read_structures(table.read_text(encoding="utf-8"))) if table else (),
        pair.fixed_labels,
    )  # fmt: skip


def _config(record: Mapping[str, Any]) -> RegisterConfig:
    return validate(RegisterConfig, record["config"], "the record")


def _quality(record: Mapping[str, Any]) -> Quality:
    checks = record["quality"]["checks"]
    return Quality(
        tuple(
            QualityCheck(
                str(each["name"]), _number(each["severity"], math.inf), _number(each["value"]),
                str(each["text"]),
            )
            for each in checks
        )
    )  # fmt: skip


def _stages(record: Mapping[str, Any]) -> tuple[EngineStage, ...]:
    return tuple(
        EngineStage(**{**stage, "levels": tuple(map(_level, stage["levels"]))})
        for stage in record["stages"]
    )


def _level(stored: Mapping[str, Any]) -> Level:
    lists = {
        "spacing": tuple(stored["spacing"]),
        "shape": tuple(stored["shape"]),
        "values": tuple(map(_number, stored["values"])),
    }
    return Level(**{**stored, **lists})


def _numbers(stored: Mapping[str, Any]) -> dict[str, float]:
    """Metrics, under their names of today."""
    return {
        name: _number(value)
        for name, value in stored.items()
        if not (name.endswith("_mm") and name.removesuffix("_mm") in stored)
    }


def _number(stored: float | None, lost: float = math.nan) -> float:
    """A number of a record, in which one that is not finite is None."""
    return lost if stored is None else float(stored)
