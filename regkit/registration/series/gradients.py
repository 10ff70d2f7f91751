"""Directions of diffusion gradients, turned as the head was turned back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from regkit.geometry.affines import Matrix, nearest_rotation, spacing_of


def rotated_gradients(directions: Matrix, affines: Sequence[Matrix], grid: Matrix) -> Matrix:
    """Turn gradient directions into the head as the reference shows it (Leemans and Jones 2009).

    The scanner applied a direction while the head was turned; in a head that is turned back, the
    direction has turned back as well.

    Parameters
    ----------
    directions
        ``(N, 3)`` as FSL has them: along the voxel axes, the first one reversed where the
        determinant of ``grid`` is positive; zeros where there was no gradient.
    affines
        World affines from the reference to each frame (4, 4); the nearest rotation counts.
    grid
        ``(4, 4)``: voxel index of the frames to world.

    Returns
    -------
    Matrix
        ``(N, 3)``, in the same convention.

    Examples
    --------
    >>> turn = np.diag([-1.0, -1.0, 1.0, 1.0])
    >>> rotated_gradients(np.array([[1.0, 0.0, 0.0]]), [turn], np.eye(4)).tolist()
    [[-1.0, 0.0, 0.0]]
    """
    axes = _axes_of_directions(grid)
    world = np.asarray(directions, dtype=np.float64) @ axes.T
    turns = [nearest_rotation(each[:3, :3]) for each in affines]
    back = np.array([turn.T @ each for turn, each in zip(turns, world, strict=True)])
    return back @ axes + 0.0  # without negative zeros


def _axes_of_directions(grid: Matrix) -> Matrix:
    """The orthogonal matrix ``(3, 3)`` from directions as FSL has them to the world."""
    axes: Matrix = grid[:3, :3] / spacing_of(grid)
    right_handed = np.linalg.det(axes) > 0
    out: Matrix = axes @ np.diag([-1.0 if right_handed else 1.0, 1.0, 1.0])
    return out
