"""ApplyTask: frames that are resampled through a transform, and their file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regkit.geometry import Grid
from regkit.io import save_series
from regkit.resample import Interpolation, warp
from regkit.runs.progress import OnProgress, Progress
from regkit.transforms import Transform
from regkit.volume import Volume


@dataclass(frozen=True, eq=False)
class ApplyTask:
    """Frames and a transform in memory."""

    frames: Sequence[Volume]
    phi: Transform
    grid: Grid
    outside: float
    repetition: float | None
    interpolation: Interpolation | None = None
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> ApplyOutcome:
        """Resample frame by frame."""
        warped = []
        for number, frame in enumerate(self.frames, start=1):
            found = warp(
                frame,
                self.phi,
                onto=self.grid,
                outside=self.outside,
                interpolation=self.interpolation,
            )
            warped.append(found)
            on_progress(Progress("warping", number / len(self.frames)))
        return ApplyOutcome(warped, self.repetition)


@dataclass(frozen=True, eq=False)
class ApplyOutcome:
    """Frames on the grid of the reference."""

    warped: Sequence[Volume]
    repetition: float | None

    def entries(self, seconds: float) -> dict[str, Any]:
        """How many frames there are."""
        return {"frames": len(self.warped)}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write them as one file."""
        save_series(self.warped, places["image"], repetition=self.repetition)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Nothing that the file does not say."""
        return ()
