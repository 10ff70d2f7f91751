"""The shape of an affine as numbers whose differences mean something."""

from __future__ import annotations

import numpy as np
from scipy.linalg import polar
from scipy.spatial.transform import Rotation

from regkit.geometry.affines import Matrix


def affine_shape(matrix: Matrix) -> tuple[float, ...]:
    """Rotation in radians and logarithm of the stretch of an affine.

    Parameters
    ----------
    matrix
        3x3 or 4x4, world points of fixed to world points of moving. Its shift is left out: that is
        mostly where a scanner puts its origin. A reflection counts as a turn by half a circle.

    Returns
    -------
    tuple
        In 3-D the rotation vector and the six entries of the symmetric logarithm; in 2-D the angle
        and three.

    Examples
    --------
    >>> [round(each, 3) for each in affine_shape(np.diag([2.0, 1.0, 1.0]))]
    [0.0, 0.693, 0.0, 0.0]
    """
    ndim = len(matrix) - 1
    turn, stretch = polar(np.asarray(matrix, float)[:-1, :-1])
    scales, axes = np.linalg.eigh(stretch)
    log = axes @ np.diag(np.log(np.maximum(scales, 1e-12))) @ axes.T
    rows, columns = np.triu_indices(ndim)
    return tuple(float(value) for value in (*_angles(turn), *log[rows, columns]))


def _angles(turn: Matrix) -> Matrix:
    if len(turn) == 2:
        return np.array([np.arctan2(turn[1, 0], turn[0, 0])])
    proper = turn if np.linalg.det(turn) > 0 else -turn
    vector: Matrix = Rotation.from_matrix(proper).as_rotvec()
    return vector
