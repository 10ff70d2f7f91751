"""What a measurement of change between two visits can be told."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from regkit.settings import Settings


class ProgressionConfig(Settings):
    """Settings of :func:`probes.progression.measure_progression`.

    ``factors`` are the working voxel sizes as multiples of the finest one, which is the mean of
    both visits'; ``iterations`` are those of each. The velocity is a cubic B-spline with a knot
    every ``knots`` finest voxels. ``bending`` and ``stretching`` weigh its second and first
    derivatives against the squared difference of the images over its variance: small, since what a
    regulariser takes is missing in the change. ``least_noise`` is the smallest standard deviation
    of the difference that is believed, as a share of the mean intensity. ``gain_width`` (mm) is how
    slowly the gain of one visit may vary against that of the other. ``rician`` takes out what noise
    adds to the dark parts of magnitude images. ``repeats`` of the measurement with fresh noise give
    its uncertainty. ``max_voxels`` bounds the finest grid.
    """

    factors: tuple[int, ...] = (4, 2, 1)
    iterations: tuple[int, ...] = (6, 8, 10)
    knots: float = Field(2.0, ge=1)
    bending: float = Field(2.0, gt=0)
    stretching: float = Field(0.1, gt=0)
    least_noise: float = Field(0.025, gt=0)
    gain_width: float = Field(10.0, gt=0)
    rician: bool = True
    repeats: int = Field(4, ge=0)
    max_voxels: int = Field(16_000_000, gt=0)
    seed: int = 0

    @model_validator(mode="after")
    def _one_count_a_level(self) -> Self:
        if len(self.factors) != len(self.iterations) or not self.factors:
            raise ValueError("factors and iterations must have the same length, 1 or more")
        return self
