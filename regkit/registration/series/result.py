"""MotionResult: how every frame of a series lies on its reference, and the series without that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.kernels.backend import threads
from regkit.registration.series.aligner import FrameFit
from regkit.registration.series.config import MotionConfig
from regkit.registration.series.parameters import framewise_displacement, motion_parameters
from regkit.registration.series.verdicts import FrameVerdict
from regkit.resample import warp
from regkit.transforms import Transform
from regkit.volume.volume import Volume


@dataclass(frozen=True, eq=False)
class TimeAverage:
    """The mean of frames, and mean over standard deviation in time, ``(1, *spatial)`` each."""

    mean: Volume
    ratio: Volume


@dataclass(frozen=True, eq=False)
class MotionResult:
    """The motion of a series.

    Parameters
    ----------
    frames
        The series as it was given.
    transforms
        World points of the reference to world points of each frame.
    affines
        Their global parts ``(4, 4)``.
    fits, verdicts
        How well each frame was aligned, and what that is worth. A frame that failed has the
        transform of the last one that did not.
    centre
        The world point ``(3,)`` about which rotations are counted: the middle of the body.
    radius
        Of the sphere of the framewise displacement, in world units.
    reference
        The number of the frame to which all were aligned first.
    outside
        The value of voxels that a frame does not show, the same in all.
    config
        What was asked for.
    before, after
        Of the frames that did not fail, as they were and as they are corrected.
    """

    frames: Sequence[Volume]
    transforms: tuple[Transform, ...]
    affines: tuple[Matrix, ...]
    fits: tuple[FrameFit, ...]
    verdicts: tuple[FrameVerdict, ...]
    centre: Matrix
    radius: float
    reference: int
    outside: float
    config: MotionConfig
    before: TimeAverage
    after: TimeAverage

    @property
    def grid(self) -> Grid:
        """Where the corrected frames lie."""
        return self.after.mean.grid

    @property
    def mean(self) -> Volume:
        """The mean of the corrected frames that did not fail."""
        return self.after.mean

    @property
    def parameters(self) -> Matrix:
        """``(N, 6)``: shifts in world units and angles in radians; NaN where a frame failed.

        See :func:`regkit.registration.series.parameters.motion_parameters`.
        """
        out = motion_parameters(self.affines, self.centre)
        out[self.frames_of("fail")] = np.nan
        return out

    @property
    def displacement(self) -> Matrix:
        """The framewise displacement ``(N,)`` in world units; NaN where it is not known."""
        return framewise_displacement(self.parameters, self.radius)

    def frames_of(self, grade: str) -> list[int]:
        """The numbers of the frames with a verdict, from 0."""
        return [n for n, each in enumerate(self.verdicts) if each.grade == grade]

    def corrected(self) -> Iterator[Volume]:
        """Every frame on the grid of the reference, each interpolated once, when its turn comes."""
        for number in range(len(self.frames)):
            yield self.corrected_frame(number)

    def corrected_frame(self, number: int) -> Volume:
        """The frame of that number, from 0, interpolated once on the grid of the reference."""
        frame, phi = self.frames[number], self.transforms[number]
        with threads(self.config.threads):
            return warp(frame, phi, onto=self.grid, outside=self.outside)
