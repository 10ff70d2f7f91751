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
        shift, turn, stretch = self._parts(parameters)
        turned = about(self.centre, self.axes @ turn @ stretch @ self.axes.T)
        out: Matrix = self.start @ homogeneous(np.eye(3), self.axes @ shift) @ turned
        return out

    def gradient(self, parameters: Vector, by_matrix: Matrix) -> Vector:
        """Chain ``d loss / d matrix (3, 4)`` to the active parameters.

        With ``B = axes turn stretch axes'`` the matrix is ``start (B x + shift + c - B c)``.
        """
        _, turn, stretch = self._parts(parameters)
        pulled = self.start[:3, :3].T @ by_matrix
        by_shift = self.axes.T @ pulled[:, 3]
        inner = pulled[:, :3] - np.outer(pulled[:, 3], self.centre)
        by_linear = self.axes.T @ inner @ self.axes
        angles = self._full(parameters)[3:6] / self.radius
        by_turn = [(by_linear * (slope @ stretch)).sum() for slope in _rotation_slopes(angles)]
        square = turn.T @ by_linear
        by_stretch = [square[r, c] + (square[c, r] if r != c else 0) for r, c in _STRETCH]
        full = np.concatenate([by_shift, np.array([*by_turn, *by_stretch]) / self.radius])
        return full[list(self.active)]

    def distance(self, one: Matrix, other: Matrix) -> float:
        """Between where two affines take points about the centre, root of the mean square."""
        apart = one - other
        middle = apart[:3, :3] @ self.centre + apart[:3, 3]
        spread = self.radius**2 / 3 * (apart[:3, :3] ** 2).sum()
        return float(np.sqrt((middle**2).sum() + spread))

    def _full(self, parameters: Vector) -> Vector:
        full = np.zeros(12)
        full[list(self.active)] = parameters
        return full

    def _parts(self, parameters: Vector) -> tuple[Vector, Matrix, Matrix]:
        """Shift, rotation and stretch, along the axes."""
        full = self._full(parameters)
        stretch = np.eye(3)
        for value, (row, column) in zip(full[6:] / self.radius, _STRETCH, strict=True):
            stretch[row, column] += value
            stretch[column, row] += value if row != column else 0
        return full[:3], rotation(list(full[3:6] / self.radius)), stretch


def stretches(linear: Matrix) -> Vector:
    """Return the logarithms of the three scales of ``linear (3, 3)``, largest first.

    Examples
    --------
    >>> np.exp(stretches(np.diag([1.0, 2.0, 0.5]))).tolist()
    [2.0, 1.0, 0.5]
    """
    out: Vector = np.log(np.linalg.svd(linear, compute_uv=False))
    return out


def stretch_energy(linear: Matrix) -> tuple[float, Matrix]:
    """Return half the squared Hencky strain of ``linear (3, 3)``, and its derivative by it.

    ``sum(log(s)**2) / 2`` over the singular values: the same for a map and its inverse, and
    nothing for a rotation.

    Examples
    --------
    >>> energy, _ = stretch_energy(np.diag([1.1, 1.0, 1.0]))
    >>> round(energy, 5)
    0.00454
    """
    u, s, vt = np.linalg.svd(linear)
    strain = np.log(s)
    return float((strain**2).sum() / 2), (u * (strain / s)) @ vt


def _rotation_slopes(angles: Vector) -> list[Matrix]:
    """Derivatives of the rotation by its three angles, by central differences, exact to 1e-9."""
    step = 1e-4
    return [
        (rotation(list(angles + way)) - rotation(list(angles - way))) / (2 * step)
        for way in step * np.eye(3)
    ]
