"""Motion correction: every frame of a series brought to one reference."""

from regkit.registration.series.config import MotionConfig
from regkit.registration.series.correction import correct_frames
from regkit.registration.series.result import MotionResult

__all__ = ["MotionConfig", "MotionResult", "correct_frames"]
