"""TurnedTask: vectors or tensors that are resampled and turned, and their file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from regkit.io.components import save_components
from regkit.io.header import Header
from regkit.runs.apply_task import ApplyOutcome, ApplyTask
from regkit.runs.progress import OnProgress
from regkit.runs.turned import TurnedValues
from regkit.volume import Volume


@dataclass(frozen=True, eq=False)
class TurnedTask:
    """Frames and a transform in memory, and what the values of a voxel mean together."""

    plain: ApplyTask
    turned: TurnedValues
    header: Header
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> TurnedOutcome:
        """Resample every component, then turn what they are together."""
        own = self.plain.frames[0].grid
        plain = replace(self.plain, frames=[_real(frame) for frame in self.plain.frames])
        warped = plain.execute(on_progress)
        frames, folding = self.turned.turn(warped.warped, own, plain.phi)
        return TurnedOutcome(replace(warped, warped=frames), self, folding)


def _real(frame: Volume) -> Volume:
    """Directions are real numbers, even where they are stored as whole ones."""
    return frame if frame.data.is_floating_point() else frame.with_data(frame.data.float())


@dataclass(frozen=True, eq=False)
class TurnedOutcome:
    """Vectors or tensors on the grid of the reference, and where the transform folds."""

    plain: ApplyOutcome
    task: TurnedTask
    folding: float

    def entries(self, seconds: float) -> dict[str, Any]:
        """How many frames there are, and the share of voxels in which the transform folds."""
        return {**self.plain.entries(seconds), "folding": self.folding}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write them as one file that says what they are, where its format can."""
        save_components(
            self.plain.warped, places["image"], self.task.turned.components, like=self.task.header,
            repetition=self.plain.repetition,
        )  # fmt: skip

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Say that directions mean nothing where the transform folds."""
        if not self.folding:
            return ()
        share = f"{100 * self.folding:.3g} %"
        return (f"folding {share} of the voxels, in which no direction is to be trusted",)
