"""Measure how far a perturbed surface lies from the one before, and how large a structure is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from foundation.prompts.perturbations.ball import ball_depth
from foundation.prompts.perturbations.structure import Flags

MOST_FACES = 4000  # of which distances are taken; the mean of more is the same to a hundredth


def surface_move(old: Flags, new: Flags, spacing: Sequence[float], *, power: int = 1) -> float:
    """Return how far the surface of ``new`` lies from that of ``old``, in world units.

    A surface is the faces between voxels inside and outside, each taken at its middle; of those of
    ``new`` no more than 4000 are looked at, evenly spread, each with the weight of its area.

    Parameters
    ----------
    old, new
        Boolean ``(i, j, k)``, of one shape.
    spacing
        In world units, one number an axis.
    power
        1 for the mean of the distances, 2 for the root of the mean of their squares.

    Returns
    -------
    float
        0 or more; NaN where one of the two has no surface.

    Examples
    --------
    >>> old, new = np.zeros((2, 5, 1), bool)
    >>> old[:2], new[:3] = True, True
    >>> surface_move(old, new, (3.0, 1.0))
    3.0
    """
    (before, _), (after, areas) = _faces(old, spacing), _faces(new, spacing)
    if not len(before) or not len(after):
        return float("nan")
    step = -(-len(after) // MOST_FACES)
    apart = np.asarray(cKDTree(before).query(after[::step])[0]) ** power
    return float(np.average(apart, weights=areas[::step]) ** (1 / power))


def inscribed_radius(inside: Flags, spacing: Sequence[float]) -> float:
    """Return the depth of the innermost voxel: the erosion at which nothing is left.

    Parameters
    ----------
    inside
        Boolean ``(i, j, k)``; what lies beyond the array counts as outside. At least one is True.
    spacing
        In world units, one number an axis.

    Examples
    --------
    >>> inscribed_radius(np.ones((5, 9), bool), (1.0, 1.0))
    2.5
    """
    whole = np.pad(inside, 1)
    return float(ball_depth(whole, spacing)[whole].max())


def _faces(
    inside: Flags, spacing: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middles of the faces, ``(N, d)`` along the axes of the index, and areas, ``(N,)``."""
    size = np.array(spacing)
    found, areas = [], []
    for axis in range(inside.ndim):
        rows = np.moveaxis(inside, axis, 0)
        index = np.argwhere(np.moveaxis(rows[1:] != rows[:-1], 0, axis)).astype(np.float64)
        index[:, axis] += 0.5
        found.append(index * size)
        areas.append(np.full(len(index), size.prod() / size[axis]))
    return np.concatenate(found), np.concatenate(areas)
