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
        """The matrix ``(d + 1, d + 1)`` that takes indices to ITK's own world, in LPS mm."""
        ndim = len(self.spacing)
        columns = np.array(self.direction).reshape(ndim, ndim) * np.array(self.spacing)
        return homogeneous(columns, self.origin)


def lps(ndim: int) -> Matrix:
    """Return the matrix that maps RAS+ to LPS, which is also its own inverse.

    Examples
    --------
    >>> lps(2).tolist()
    [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return np.diag([-1.0, -1.0, *([1.0] * (ndim - 1))])


def flip_xy(matrix: Matrix) -> Matrix:
    """Turn a matrix that maps RAS+ to RAS+ into the same map from LPS to LPS, or back.

    ``matrix`` is ``(d + 1, d + 1)``, in world units.
    """
    flip = lps(len(matrix) - 1)
    out: Matrix = flip @ matrix @ flip
    return out


def vector_signs(ndim: int) -> tuple[float, ...]:
    """Return the factors that turn the components of a vector from RAS+ to LPS, or back."""
    return tuple(np.diag(lps(ndim))[:ndim].tolist())


def to_itk(grid: Grid) -> ItkGeometry:
    """Describe where ``grid`` lies as ITK does, in LPS."""
    affine = lps(grid.ndim) @ grid.affine
    spacing = np.array(grid.spacing)
    direction = affine[:-1, :-1] / spacing
    return ItkGeometry(
        tuple(spacing.tolist()), tuple(affine[:-1, -1].tolist()), tuple(direction.ravel().tolist())
    )


def from_itk(shape: Sequence[int], geometry: ItkGeometry) -> Grid:
    """Return the grid, in RAS+ mm, of an image that ITK describes in LPS.

    ``shape`` is the number of voxels along each axis, the first axis first as in ``GetSize``.
    """
    return Grid(tuple(shape), lps(len(geometry.spacing)) @ geometry.affine)
