"""The one place that turns ITK's LPS world into RAS+ and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regkit.geometry import Grid
from regkit.geometry.affines import Matrix, homogeneous


@dataclass(frozen=True)
class ItkGeometry:
    """Spacing, origin and direction (row-major) as ITK keeps them, in LPS mm."""

    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]

    @property
    def affine(self) -> Matrix:
        """Index to ITK's own world."""
        ndim = len(self.spacing)
        columns = np.array(self.direction).reshape(ndim, ndim) * np.array(self.spacing)
        return homogeneous(columns, self.origin)


def lps(ndim: int) -> Matrix:
    """The matrix that maps RAS+ to LPS, which is also its own inverse.

    Examples
    --------
    >>> lps(2).tolist()
    [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return np.diag([-1.0, -1.0, *([1.0] * (ndim - 1))])


def flip_xy(matrix: Matrix) -> Matrix:
    """A map of the RAS+ world as the same map of the LPS world, or the other way round."""
    flip = lps(len(matrix) - 1)
    out: Matrix = flip @ matrix @ flip
    return out


def vector_signs(ndim: int) -> tuple[float, ...]:
    """Factors of the components of a vector between RAS+ and LPS."""
    return tuple(np.diag(lps(ndim))[:ndim].tolist())


def to_itk(grid: Grid) -> ItkGeometry:
    """Where ``grid`` lies, in ITK's terms."""
    affine = lps(grid.ndim) @ grid.affine
    spacing = np.array(grid.spacing)
    direction = affine[:-1, :-1] / spacing
    return ItkGeometry(
        tuple(spacing.tolist()), tuple(affine[:-1, -1].tolist()), tuple(direction.ravel().tolist())
    )


def from_itk(shape: Sequence[int], geometry: ItkGeometry) -> Grid:
    """The grid of an image of ITK."""
    return Grid(tuple(shape), lps(len(geometry.spacing)) @ geometry.affine)
