"""Measure which share of two surfaces agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry.affines import apply_affine
from regkit.volume.volume import Labels

_ROUNDING = 1e-9  # of a distance that is the tolerance


@dataclass(frozen=True)
class _Surface:
    """World positions ``(N, d)`` of the elements of a surface, and the area ``(N,)`` of each."""

    points: NDArray[np.float64]
    areas: NDArray[np.float64]


def surface_dice(
    a: Labels, b: Labels, tolerance: float, values: Sequence[int] | None = None
) -> dict[int, float]:
    """Measure which share of the two surfaces of each structure lies within ``tolerance``.

    Known as surface Dice or normalised surface distance (Nikolov et al., JMIR 2021). As there, the
    elements of a surface lie between voxels: each is a cube whose corners are the centres of two
    voxels along every axis, of which some are inside and some are not, and it counts with the area
    of the surface in it. The image goes on beyond its edge as background.

    Parameters
    ----------
    a, b
        Label maps of one world; their grids may differ.
    tolerance
        How far apart two surfaces may lie and still agree, in world units.
    values
        The structures; by default all that occur in both maps, background (0) left out.

    Returns
    -------
    dict
        Structure to a share from 0 to 1; NaN for one that occurs in neither map.

    Raises
    ------
    InputError
        If the tolerance is no length, or the dimensions differ.

    Examples
    --------
    >>> import torch
    >>> from regkit.geometry.grid import Grid
    >>> grid = Grid((4, 1), np.diag([2.0, 1.0, 1.0]))
    >>> one = Labels(torch.tensor([[1], [0], [0], [0]]), grid)
    >>> two = Labels(torch.tensor([[0], [1], [0], [0]]), grid)
    >>> surface_dice(one, two, 1.0), surface_dice(one, two, 2.0)
    ({1: 0.5}, {1: 1.0})
    """
    if not 0 <= tolerance < np.inf:
        raise InputError(f"tolerance {tolerance:g}: must be finite and 0 or more, in world units")
    if a.ndim != b.ndim:
        raise InputError(
            f"{b.name or 'labels'}: {b.ndim}-D labels have no surface in common with {a.ndim}-D "
            "labels; give label maps of one dimension"
        )
    wanted = sorted({*a.values} & {*b.values}) if values is None else values
    return {int(v): _agreement(_surface(a, v), _surface(b, v), tolerance) for v in wanted}


def _agreement(a: _Surface, b: _Surface, tolerance: float) -> float:
    areas = np.concatenate([a.areas, b.areas])
    if not len(areas):
        return float("nan")
    if not len(a.areas) or not len(b.areas):
        return 0.0
    apart = [
        scipy.spatial.cKDTree(b.points).query(a.points)[0],
        scipy.spatial.cKDTree(a.points).query(b.points)[0],
    ]
    near = np.concatenate(apart) <= tolerance * (1 + _ROUNDING)
    return float(areas[near].sum() / areas.sum())


def _surface(labels: Labels, value: int) -> _Surface:
    inside = (labels.without_unknown().data[0] == value).cpu().numpy()
    box = next(iter(scipy.ndimage.find_objects(inside.astype(np.uint8))), None)
    if box is None:
        return _Surface(np.zeros((0, labels.ndim)), np.zeros(0))
    padded = np.pad(inside[box], 1)
    cut = [_cut_edges(padded, axis) for axis in range(labels.ndim)]
    index = np.argwhere(np.any(cut, axis=0))
    areas = [_face(labels.affine, axis) * share[tuple(index.T)] for axis, share in enumerate(cut)]
    first = np.array([part.start for part in box]) - 0.5  # padded by 1, between two voxels
    points = apply_affine(labels.affine, index + first)
    return _Surface(points, np.linalg.norm(areas, axis=0))


def _cut_edges(inside: NDArray[np.bool_], axis: int) -> NDArray[np.float64]:
    """The share of the edges along an axis, of every cube of voxel centres, that the surface cuts.

    It is the area of the surface as it is seen along the axis, in faces of a voxel.
    """
    share = np.diff(inside, axis=axis).astype(np.float64)
    for other in set(range(inside.ndim)) - {axis}:
        low, high = (
            np.take(share, np.arange(k, share.shape[other] - 1 + k), other) for k in (0, 1)
        )
        share = (low + high) / 2
    return share


def _face(affine: NDArray[np.float64], axis: int) -> float:
    """The area of a voxel's face across an axis; in 2-D, its length."""
    sides = np.delete(affine[:-1, :-1], axis, axis=1)
    return float(np.sqrt(np.linalg.det(sides.T @ sides)))
