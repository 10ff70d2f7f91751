"""Exact distances to a set of voxels, up to a limit, which is what makes them fast."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from regkit.kernels.backend import loops_apply
from regkit.kernels.cpu import loops

Squares = NDArray[np.float64]


def distance_to(
    flags: NDArray[np.bool_],
    spacing: Sequence[float],
    *,
    limit: float = math.inf,
    face: float = 0.0,
) -> NDArray[np.float64]:
    """Return the distance of each voxel's centre to the nearest voxel of a set.

    Parameters
    ----------
    flags
        Boolean ``(i, j, k)`` or ``(i, j)``: the set.
    spacing
        In world units, one number an axis; the axes are at right angles.
    limit
        Distances above it are not looked for.
    face
        0 for the distance to centres, 0.5 for that to what the voxels fill.

    Returns
    -------
    NDArray
        Of the shape of ``flags``, in world units; infinite above ``limit``.

    Examples
    --------
    >>> distance_to(np.array([[1, 0, 0, 0]], bool), (1.0, 2.0), limit=5.0).tolist()
    [[0.0, 2.0, 4.0, inf]]
    """
    squares = np.where(flags, 0.0, np.inf)
    most = (limit + 1e-9) ** 2
    for axis, step in enumerate(spacing):
        rows = squares.reshape(
            math.prod(flags.shape[:axis]), flags.shape[axis], math.prod(flags.shape[axis + 1 :])
        )
        squares = _nearest_along(rows, float(step), face, most).reshape(flags.shape)
    squares[squares > most] = np.inf
    return np.asarray(np.sqrt(squares))


def _nearest_along(rows: Squares, step: float, face: float, most: float) -> Squares:
    """The least square of ``rows (a, n, b)`` and of a way along ``n``."""
    if not loops_apply(torch.from_numpy(rows)):
        return nearest_reference(rows, step, face, most)
    out = np.empty_like(rows)
    loops.nearest_along(rows, step, face, most, out)
    return out


def nearest_reference(rows: Squares, step: float, face: float, most: float) -> Squares:
    """Return what the loop of :func:`distance_to` finds along one axis, by NumPy.

    Parameters
    ----------
    rows
        ``(a, n, b)``: squares of distances without that axis.
    step
        Between two voxels along ``n``.
    face
        Of a voxel, by which the way is shorter than between centres.
    most
        Squares of ways above it are not looked at.
    """
    out = rows.copy()
    for n in range(1, rows.shape[1]):
        gap = ((n - face) * step) ** 2
        if gap > most:
            break
        np.minimum(out[:, n:], rows[:, :-n] + gap, out=out[:, n:])
        np.minimum(out[:, :-n], rows[:, n:] + gap, out=out[:, :-n])
    return out
