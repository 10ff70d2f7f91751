"""CubicBSpline: a displacement by control points, as ITK and elastix have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from regkit.errors import InputError
from regkit.geometry.affines import homogeneous
from regkit.geometry.grid import Grid
from regkit.geometry.world import World
from regkit.transforms.displacement import DisplacementField
from regkit.transforms.sampling import sample_transform
from regkit.transforms.taps import Weights, sum_over_nodes, within
from regkit.transforms.transform import Transform

_RIM = 3  # points of 0 after which every point with a part of the spline has its four
_FINER = 8  # nodes for each control point, where a field stands for the spline


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
        known, index = within(self.grid.to_index(points.double()), 1, self.grid.shape)
        start = index.floor()
        values = self.coefficients.to(index)
        # At the far rim the fourth weight is 0, and its point beyond the grid.
        u = sum_over_nodes(values, start.long() - 1, _cubic(index - start))
        return points + torch.where(known, u, torch.zeros_like(u)).to(points.dtype)

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


def fading_spline(coefficients: Tensor, grid: Grid) -> CubicBSpline:
    """A cubic B-spline, fixed to moving, whose missing control points have coefficients of 0.

    Beyond its control points the displacement fades to nothing within two cells, as in FSL and
    nitransforms, instead of ending where the first of four is missing.

    Parameters
    ----------
    coefficients
        ``(d, *grid.shape)`` in world units.
    grid
        The control points.

    Examples
    --------
    >>> import numpy as np
    >>> spline = fading_spline(torch.ones(2, 4, 4), Grid((4, 4), np.eye(3)))
    >>> [round(float(x), 4) for x in spline([1.5, 0.0]) - [1.5, 0.0]]
    [0.8333, 0.8333]
    """
    shape = tuple(n + 2 * _RIM for n in grid.shape)
    first = homogeneous(np.eye(grid.ndim), np.full(grid.ndim, -_RIM))
    whole = grid.placed(shape, grid.affine @ first)
    return CubicBSpline(pad(coefficients, (_RIM, _RIM) * grid.ndim), whole)


def _cubic(t: Tensor) -> Weights:
    """Weights of the four control points around a place ``t (...)`` in the cell, 0 to 1."""
    s = 1 - t
    return (
        s**3 / 6,
        2 / 3 - t**2 + t**3 / 2,
        2 / 3 - s**2 + s**3 / 2,
        t**3 / 6,
    )
