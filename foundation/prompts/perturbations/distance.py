"""Exact distances to a set of voxels, up to a limit, which is what makes them fast."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from regkit.kernels.cpu import needed_loops


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
        out = np.empty_like(rows)
        needed_loops().nearest_along(rows, float(step), face, most, out)
        squares = out.reshape(flags.shape)
    squares[squares > most] = np.inf
    return np.asarray(np.sqrt(squares))
