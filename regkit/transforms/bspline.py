"""CubicBSpline: a displacement by control points, as ITK and elastix have it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.grid import Grid
from regkit.geometry.world import World
from regkit.transforms.displacement import DisplacementField
from regkit.transforms.sampling import sample_transform
from regkit.transforms.transform import Transform

_FINER = 8  # nodes for each control point, where a field stands for the spline
_ROUNDED = 1e-5  # of a cell: how far float32 in a header takes a point beyond the last one


@dataclass(frozen=True, eq=False, repr=False)
class CubicBSpline(Transform):
    """World points of fixed to world points of moving: ``phi(x) = x + u(x)``, a cubic B-spline.

    It moves nothing where one of the four control points that it needs along an axis is missing, as
    in ITK.

    Parameters
    ----------
    coefficients
        ``(d, *grid.shape)`` in world units.
    grid
        The control points, four or more along each axis.
    fixed_world, moving_world
        The worlds that it connects; None fits any.

    Raises
    ------
    InputError
        If the coefficients do not fit the grid, or it is too small.
    """

    coefficients: Tensor
    grid: Grid
    fixed_world: World | None = None
    moving_world: World | None = None

    def __post_init__(self) -> None:
        shape = tuple(self.coefficients.shape)
        if shape != (self.grid.ndim, *self.grid.shape) or min(self.grid.shape) < 4:
            raise InputError(
                f"coefficients {shape} do not make a cubic B-spline on {self.grid.shape} control "
                "points; one for each is needed, and four points along each axis"
            )

    def __repr__(self) -> str:
        return f"CubicBSpline({self.grid.summary})"

    @property
    def ndim(self) -> int:
        """Dimension of the world."""
        return self.grid.ndim

    def map(self, points: Tensor) -> Tensor:
        """Map world points ``(..., d)`` of fixed to moving."""
        index = self.grid.to_index(points.double())
        last = torch.tensor(self.grid.shape, dtype=index.dtype, device=index.device) - 2
        known = ((index >= 1 - _ROUNDED) & (index <= last + _ROUNDED)).all(-1, keepdim=True)
        index = index.nan_to_num(nan=1.0).clamp(min=1).minimum(last)
        u = torch.zeros_like(index)
        values = self.coefficients.to(index).flatten(1)
        for place, weight in self._taps(index):
            u += weight.unsqueeze(-1) * values[:, place].movedim(0, -1)
        return points + torch.where(known, u, torch.zeros_like(u)).to(points.dtype)

    def _taps(self, index: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """For each of the control points around ``index (..., d)``, its flat place and weight."""
        start = index.floor()
        weights = _cubic(index - start)
        for offsets in product(range(4), repeat=self.ndim):
            place = torch.zeros(index.shape[:-1], dtype=torch.int64, device=index.device)
            weight = torch.ones(index.shape[:-1], dtype=index.dtype, device=index.device)
            for axis, offset in enumerate(offsets):
                size = self.grid.shape[axis]
                # At the far rim the fourth weight is 0, and its point beyond the grid.
                node = (start[..., axis].long() - 1 + offset).clamp(max=size - 1)
                place = place * size + node
                weight = weight * weights[offset][..., axis]
            yield place, weight

    def inverse(self) -> DisplacementField:
        """Sample it as a field, eight nodes for each control point, and invert that.

        Raises
        ------
        NotInvertibleError
            If it folds.
        """
        inner = self.grid.window((1,) * self.ndim, [n - 2 for n in self.grid.shape])
        fine = inner.with_spacing([each / _FINER for each in self.grid.spacing])
        return sample_transform(self, fine).inverse()


def _cubic(t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights of the four control points around a place ``t (...)`` in the cell, 0 to 1."""
    s = 1 - t
    return (
        s**3 / 6,
        2 / 3 - t**2 + t**3 / 2,
        2 / 3 - s**2 + s**3 / 2,
        t**3 / 6,
    )
