"""What a motion correction has found, and how it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regkit.io import save, save_frames, write_transform
from regkit.io.gradients import GradientTable, write_directions, write_weightings
from regkit.registration.series import MotionResult
from regkit.registration.series.gradients import rotated_gradients
from regkit.runs.series.names import (
    BVAL,
    BVEC,
    COLUMNS,
    CONFOUNDS,
    CORRECTED,
    MEAN,
    TSNR,
    frame_transform_name,
)
from regkit.runs.series.table import motion_columns, motion_tsv

if TYPE_CHECKING:
    from regkit.report import Page

_SHOWN = 10


@dataclass(frozen=True, eq=False)
class SeriesOutcome:
    """A motion, and the series that it is of.

    Parameters
    ----------
    result
        What was found.
    name
        What messages call the series.
    repetition
        Seconds from frame to frame, where they are known.
    table
        Its gradients, if any.
    """

    result: MotionResult
    name: str
    repetition: float | None = None
    table: GradientTable | None = None

    def entries(self, seconds: float) -> dict[str, Any]:
        """What the reference was, what failed, and metrics in world units."""
        result = self.result
        return {
            "world": asdict(result.grid.world),
            "frames": len(result.verdicts),
            "reference": result.reference,
            "outside": result.outside,
            "radius": result.radius,
            "centre": [float(value) for value in result.centre],
            "failed": result.frames_of("fail"),
            "doubtful": result.frames_of("doubtful"),
            "metrics": motion_metrics(result),
        }

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write every file but the report; frames are interpolated here, one after the other."""
        result = self.result
        save_frames(
            result.corrected(),
            places[CORRECTED],
            count=len(result.frames),
            repetition=self.repetition,
        )
        save(result.after.mean, places[MEAN])
        save(result.after.ratio, places[TSNR])
        places[CONFOUNDS].write_text(motion_tsv(result), encoding="utf-8")
        columns = json.dumps(motion_columns(result), indent=2, ensure_ascii=False)
        places[COLUMNS].write_text(columns + "\n", encoding="utf-8")
        self._write_transforms(places)
        self._write_gradients(places)

    def _write_transforms(self, places: Mapping[str, Path]) -> None:
        for number, phi in enumerate(self.result.transforms):
            place = places[frame_transform_name(number, self.result.config.transform)]
            place.parent.mkdir(exist_ok=True)
            write_transform(phi, place)

    def _write_gradients(self, places: Mapping[str, Path]) -> None:
        if self.table is None:
            return
        turned = rotated_gradients(
            self.table.directions, self.result.affines, self.result.grid.affine
        )
        write_directions(turned, places[BVEC])
        if self.table.weightings is not None:
            write_weightings(self.table.weightings, places[BVAL])

    def page(self) -> Page:
        """The report."""
        from regkit.report.series.page import series_page

        return series_page(self.result, self.name)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """How much moved, and which frames went wrong, by number."""
        m, unit = record["metrics"], self.result.grid.world.unit
        lines = [
            f"done    {len(self.result.verdicts)} frames to frame {self.result.reference}; "
            f"framewise displacement {_shown(m['displacement_mean'], unit)} on average, at most "
            f"{_shown(m['displacement_largest'], unit)}; {record['seconds']:.0f} s"
        ]
        for grade, word in (("fail", "failed"), ("doubtful", "doubtful")):
            numbers = self.result.frames_of(grade)
            lines += [f"{word:<8}{_listed(numbers)}"] if numbers else []
        return tuple(lines)


def motion_metrics(result: MotionResult) -> dict[str, float | None]:
    """Sum a motion up: framewise displacement, mean and largest, None where none is known."""
    known = result.displacement[np.isfinite(result.displacement)]
    return {
        "displacement_mean": float(known.mean()) if len(known) else None,
        "displacement_largest": float(known.max()) if len(known) else None,
    }


def _shown(length: float | None, unit: str) -> str:
    return "unknown" if length is None else f"{length:.2f} {unit}"


def _listed(numbers: list[int]) -> str:
    more = f" and {len(numbers) - _SHOWN} more, see {CONFOUNDS}" if len(numbers) > _SHOWN else ""
    return f"frame {', '.join(map(str, numbers[:_SHOWN]))}{more}"
