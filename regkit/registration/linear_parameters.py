"""Rigid and affine motions about a centre, as a vector of numbers in millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regkit.geometry.affines import Matrix, about, homogeneous, rotation

Vector = NDArray[np.float64]

# Parameters: three shifts, three rotations, six stretches (xx, yy, zz, xy, xz, yz).
_RIGID = (0, 1, 2, 3, 4, 5)
_AFFINE = (*_RIGID, 6, 7, 8, 9, 10, 11)
_RIGID_PLANAR = (0, 1, 5)
_AFFINE_PLANAR = (*_RIGID_PLANAR, 6, 7, 9)
_STRETCH = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


@dataclass(frozen=True)
class Motion:
    """``start`` after a small motion about ``centre``, along ``axes``.

    The axes are those of the working grid, so that a pair takes the same way however it lies in
    the world. Rotations and stretches are counted by how far they move a point at ``radius`` from
    the centre, so that one unit of any parameter moves the image by about one millimetre.
    """

    start: Matrix
    centre: Vector
    radius: float
    active: tuple[int, ...]
    axes: Matrix

    @classmethod
    def of(
        cls,
        kind: str,
        start: Matrix,
        centre: Vector,
        radius: float,
        *,
        planar: bool,
        axes: Matrix | None = None,
    ) -> Motion:
        """The motion of ``kind`` rigid or affine; planar ones keep the third world axis."""
        table = {
            ("rigid", False): _RIGID,
            ("rigid", True): _RIGID_PLANAR,
            ("affine", False): _AFFINE,
            ("affine", True): _AFFINE_PLANAR,
        }
        along = np.eye(3) if axes is None or planar else axes
        return cls(start, centre, radius, table[kind, planar], along)

    def matrix(self, parameters: Vector) -> Matrix:
        """World affine ``(4, 4)`` for the active parameters."""
        full = np.zeros(12)
        full[list(self.active)] = parameters
        stretch = np.eye(3)
        for value, (row, column) in zip(full[6:] / self.radius, _STRETCH, strict=True):
            stretch[row, column] += value
            stretch[column, row] += value if row != column else 0
        linear = rotation(list(full[3:6] / self.radius)) @ stretch
        turned = about(self.centre, self.axes @ linear @ self.axes.T)
        out: Matrix = self.start @ homogeneous(np.eye(3), self.axes @ full[:3]) @ turned
        return out

    def gradient(self, parameters: Vector, by_matrix: Matrix) -> Vector:
        """Chain ``d loss / d matrix (3, 4)`` to the active parameters.

        The derivative of the small matrix is taken by central differences, exact to 1e-9 here.
        """
        step = 1e-4
        out = np.empty(len(parameters))
        for k in range(len(parameters)):
            shift = np.zeros(len(parameters))
            shift[k] = step
            slope = (self.matrix(parameters + shift) - self.matrix(parameters - shift)) / (2 * step)
            out[k] = (slope[:3] * by_matrix).sum()
        return out
