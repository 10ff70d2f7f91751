"""Measure distances between the surfaces of two label maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry.affines import apply_affine
from regkit.volume.volume import Labels


@dataclass(frozen=True)
class SurfaceDistance:
    """Distances between two surfaces in world units.

    ``mean`` is over both directions pooled, ``hd95`` the larger of the two directions' 95th
    percentiles, ``maximum`` the Hausdorff distance.
    """

    mean: float
    hd95: float
    maximum: float


def surface_distances(
    a: Labels, b: Labels, values: Sequence[int] | None = None
) -> dict[int, SurfaceDistance]:
    """Measure how far the surfaces of each structure lie apart.

    A surface is the voxels of a structure that touch, by a face, a voxel outside of it, one
    without data, or the edge of the image. Distances are between their centres in the world, found
    with a k-d tree: a distance transform would be wrong on sheared grids, and would need one grid
    for both.

    Parameters
    ----------
    a, b
        Label maps of one world; their grids may differ.
    values
        The structures; by default all that occur in both maps, background (0) left out.

    Raises
    ------
    InputError
        If the dimensions differ, or a structure in ``values`` is missing from a map.

    Examples
    --------
    >>> import torch
    >>> from regkit.geometry.grid import Grid
    >>> grid = Grid((4, 1), np.diag([2.0, 1.0, 1.0]))
    >>> one = Labels(torch.tensor([[1], [0], [0], [0]]), grid)
    >>> two = Labels(torch.tensor([[0], [0], [1], [0]]), grid)
    >>> surface_distances(one, two)[1].hd95
    4.0
    """
    if a.ndim != b.ndim:
        raise InputError(
            f"{b.name or 'labels'}: {b.ndim}-D labels have no distance to {a.ndim}-D labels; "
            "give label maps of one dimension"
        )
    surfaces_a, surfaces_b = _surfaces(a), _surfaces(b)
    wanted = sorted({*surfaces_a} & {*surfaces_b}) if values is None else values
    for labels, surfaces in ((a, surfaces_a), (b, surfaces_b)):
        _check_present(labels, surfaces, wanted)
    return {int(v): _between(surfaces_a[v], surfaces_b[v]) for v in wanted}


def _check_present(
    labels: Labels, surfaces: dict[int, NDArray[np.float64]], wanted: Sequence[int]
) -> None:
    missing = [v for v in wanted if v not in surfaces]
    if missing:
        raise InputError(
            f"{labels.name or 'labels'}: no voxel has label {missing[0]}; "
            f"leave it out, or choose from {sorted(surfaces)}"
        )


def _between(a: NDArray[np.float64], b: NDArray[np.float64]) -> SurfaceDistance:
    to_b, to_a = scipy.spatial.cKDTree(b).query(a)[0], scipy.spatial.cKDTree(a).query(b)[0]
    both = np.concatenate([to_b, to_a])
    hd95 = max(np.percentile(to_b, 95), np.percentile(to_a, 95))
    return SurfaceDistance(float(both.mean()), float(hd95), float(both.max()))


def _surfaces(labels: Labels) -> dict[int, NDArray[np.float64]]:
    """Return world positions ``(N, d)`` of the surface voxels of every structure."""
    data = labels.without_unknown().data[0].cpu().numpy()
    names, codes = np.unique(data, return_inverse=True)
    codes = codes.reshape(data.shape) + 1
    boxes = scipy.ndimage.find_objects(codes)
    return {
        int(name): apply_affine(labels.grid.affine, _surface_index(codes, box, code))
        for code, (name, box) in enumerate(zip(names, boxes, strict=True), start=1)
        if name != 0
    }


def _surface_index(
    codes: NDArray[np.int64], box: tuple[slice, ...], code: int
) -> NDArray[np.float64]:
    inside = codes[box] == code
    # Inside its own box a structure always ends at the border, so erosion sees nothing beyond.
    edge = inside & ~scipy.ndimage.binary_erosion(inside, border_value=0)
    start = np.array([part.start for part in box], dtype=np.float64)
    return np.argwhere(edge).astype(np.float64) + start
