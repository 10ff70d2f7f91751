"""Homogeneous affine matrices: parts, sizes, and the parameters that optimisers move."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regkit.errors import InputError

Matrix = NDArray[np.float64]


def homogeneous(linear: ArrayLike, translation: ArrayLike) -> Matrix:
    """Assemble ``x -> linear @ x + translation`` as one ``(d + 1, d + 1)`` matrix.

    Examples
    --------
    >>> homogeneous([[2.0, 0.0], [0.0, 1.0]], [3.0, 4.0]).tolist()
    [[2.0, 0.0, 3.0], [0.0, 1.0, 4.0], [0.0, 0.0, 1.0]]
    """
    part = np.asarray(linear, dtype=np.float64)
    ndim = len(part)
    matrix = np.eye(ndim + 1)
    matrix[:ndim, :ndim] = part
    matrix[:ndim, ndim] = np.asarray(translation, dtype=np.float64)
    return matrix


def as_affine(matrix: ArrayLike, *, what: str = "affine") -> Matrix:
    """Return a read-only float64 copy of a usable affine.

    Raises
    ------
    InputError
        If it is not ``3x3`` or ``4x4``, not finite, or not invertible.
    """
    try:
        out = np.array(matrix, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{what} is {type(matrix).__name__}, not a matrix of numbers; give (3, 3) in 2-D, "
            "(4, 4) in 3-D"
        ) from error
    if out.shape not in ((3, 3), (4, 4)):
        raise InputError(f"{what} has shape {out.shape}; allowed: (3, 3) in 2-D, (4, 4) in 3-D")
    if not np.isfinite(out).all():
        raise InputError(f"{what} has values that are not finite; fix the header")
    if not np.allclose(out[-1], np.eye(len(out))[-1]):
        raise InputError(f"{what} has last row {out[-1].tolist()}; it must be 0 ... 0 1")
    scale = np.linalg.norm(out[:-1, :-1], axis=0).prod()
    if not (scale > 0 and abs(np.linalg.det(out[:-1, :-1])) > 1e-9 * scale):
        raise InputError(f"{what} is singular; its columns must be independent")
    out.setflags(write=False)
    return out


def spacing_of(affine: Matrix) -> Matrix:
    """Return the lengths of the index axes in world units, ``(d,)``."""
    lengths: Matrix = np.linalg.norm(affine[:-1, :-1], axis=0)
    return lengths


def apply_affine(affine: Matrix, points: ArrayLike) -> Matrix:
    """Map points ``(..., d)`` by an affine ``(d + 1, d + 1)``.

    Examples
    --------
    >>> apply_affine(homogeneous(np.eye(2), [1.0, 2.0]), [[0.0, 0.0]]).tolist()
    [[1.0, 2.0]]
    """
    mapped: Matrix = np.asarray(points, dtype=np.float64) @ affine[:-1, :-1].T + affine[:-1, -1]
    return mapped


def about(centre: ArrayLike, linear: ArrayLike) -> Matrix:
    """Return the affine with linear part ``linear`` that leaves the point ``centre`` where it is.

    Parameters
    ----------
    centre
        World point ``(d,)``.
    linear
        ``(d, d)``, such as a rotation.
    """
    part = np.asarray(linear, dtype=np.float64)
    point = np.asarray(centre, dtype=np.float64)
    return homogeneous(part, point - part @ point)


def rotation(angles: Sequence[float]) -> Matrix:
    """Return the rotation matrix of one angle (2-D) or of a rotation vector (3-D), in radians.

    The direction of the rotation vector is the axis and its length the angle (Rodrigues).

    Examples
    --------
    >>> rotation([np.pi / 2]).round(6).tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """
    if len(angles) == 1:
        c, s = np.cos(angles[0]), np.sin(angles[0])
        return np.array([[c, -s], [s, c]])
    # Numbers of Python: optimisers ask thousands of times, and arrays of three are slow.
    x, y, z = map(float, angles)
    theta = math.sqrt(x * x + y * y + z * z)
    a, b = (1.0, 0.5) if theta < 1e-12 else (math.sin(theta) / theta, _versine(theta) / theta**2)
    return np.array(
        [
            [1 - b * (y * y + z * z), b * x * y - a * z, b * x * z + a * y],
            [b * x * y + a * z, 1 - b * (x * x + z * z), b * y * z - a * x],
            [b * x * z - a * y, b * y * z + a * x, 1 - b * (x * x + y * y)],
        ]
    )


def _versine(angle: float) -> float:
    """``1 - cos(angle)``, without the loss of digits at small angles."""
    return 2 * math.sin(angle / 2) ** 2


def shear_of(affine: Matrix) -> float:
    """Return how far the index axes are off a right angle: the largest cosine between two of them.

    Examples
    --------
    >>> round(shear_of(homogeneous([[1.0, 1.0], [0.0, 1.0]], [0.0, 0.0])), 3)
    0.707
    """
    cosines = affine[:-1, :-1] / spacing_of(affine)
    return float(np.abs(cosines.T @ cosines - np.eye(len(cosines))).max())


def nearest_rotation(linear: Matrix) -> Matrix:
    """Return the proper rotation that is closest to a matrix in the Frobenius norm.

    It is the orthogonal factor of the polar decomposition, with its last singular direction turned
    round where the matrix mirrors.

    Parameters
    ----------
    linear
        ``(d, d)``, the linear part of an affine; it must be invertible.

    Returns
    -------
    Matrix
        ``(d, d)``, orthogonal, with determinant 1.
    """
    u, _, vt = np.linalg.svd(linear)
    flip = np.eye(len(linear))
    flip[-1, -1] = np.sign(np.linalg.det(u @ vt))
    out: Matrix = u @ flip @ vt
    return out
