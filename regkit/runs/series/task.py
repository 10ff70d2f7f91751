"""A series whose frames have been looked at, and its correction."""

from __future__ import annotations

from dataclasses import dataclass

from regkit.io.gradients import GradientTable
from regkit.io.series import FrameFiles
from regkit.registration.series import MotionConfig, correct_frames
from regkit.runs.progress import OnProgress, Progress
from regkit.runs.series.outcome import SeriesOutcome


@dataclass(frozen=True, eq=False)
class SeriesTask:
    """Frames that can be used, and what is to be done with them.

    Parameters
    ----------
    frames
        The series.
    config
        All settings.
    table
        Its gradients, if any.
    """

    frames: FrameFiles
    config: MotionConfig
    table: GradientTable | None
    notices: tuple[str, ...] = ()

    @property
    def introduction(self) -> tuple[str, ...]:
        """What the series is."""
        header = self.frames.header
        return (f"series  {header.name}  {len(self.frames)} frames of {header.grid.summary}",)

    def execute(self, on_progress: OnProgress) -> SeriesOutcome:
        """Find the motion; frames are corrected once more when they are written."""
        result = correct_frames(
            self.frames,
            self.config,
            on_progress=lambda stage, share: on_progress(Progress(stage, share)),
        )
        return SeriesOutcome(
            result, self.frames.header.name, self.frames.header.repetition, self.table
        )
