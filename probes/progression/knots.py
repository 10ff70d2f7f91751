"""A velocity as a cubic B-spline of few knots, and its transpose."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

_FITTING = 12  # steps of conjugate gradients, which leave a hundredth of a spline of these knots


@dataclass(frozen=True)
class Knots:
    """Cubic B-splines over a grid of ``shape`` voxels, one every ``ratio`` voxels of an axis.

    The first knot lies one step before the first voxel, the last one step behind the last.
    """

    shape: tuple[int, ...]
    ratio: float

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """How many there are along each axis."""
        return tuple(int(np.ceil((n - 1) / self.ratio)) + 3 for n in self.shape)

    def field(self, coefficients: Tensor) -> Tensor:
        """Turn coefficients ``(C, *counts)`` into values at all voxels, ``(C, *shape)``."""
        return self._along_axes(coefficients, self._matrices)

    def transpose(self, field: Tensor) -> Tensor:
        """Sum ``field (C, *shape)`` at every knot, ``(C, *counts)``: the adjoint of ``field``."""
        return self._along_axes(field, [matrix.T for matrix in self._matrices])

    def fit(self, field: Tensor) -> Tensor:
        """Find the coefficients whose field is nearest to one, by conjugate gradients."""
        found = field.new_zeros(len(field), *self.counts)
        left = self.transpose(field)
        way, size = left, float(left.square().sum())
        for _ in range(_FITTING):
            if size == 0:
                break
            bent = self.transpose(self.field(way))
            step = size / float((way * bent).sum())
            found, left = found + step * way, left - step * bent
            new = float(left.square().sum())
            way, size = left + new / size * way, new
        return found

    def _along_axes(self, values: Tensor, matrices: list[Tensor]) -> Tensor:
        for axis, matrix in enumerate(matrices, start=1):
            values = torch.tensordot(matrix, values, dims=([1], [axis])).movedim(0, axis)
        return values.contiguous()

    @cached_property
    def _matrices(self) -> list[Tensor]:
        """``(voxels, knots)`` for each axis."""
        out = []
        for n, count in zip(self.shape, self.counts, strict=True):
            apart = np.abs(np.arange(n)[:, None] / self.ratio - np.arange(-1, count - 1))
            near, far = 2 / 3 - apart**2 + apart**3 / 2, (2 - apart).clip(min=0) ** 3 / 6
            out.append(torch.from_numpy(np.where(apart < 1, near, far)).float())
        return out
