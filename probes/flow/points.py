"""Points that fill a region of voxels, by which integrals over it become means."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from probes.flow.flow import Reals
from regkit.geometry import Grid

# Gauss's two points of an axis of a voxel: exact for what is cubic inside it.
_GAUSS = np.array([-0.5, 0.5]) / np.sqrt(3.0)
_MANY = 50_000  # voxels, among which one point each is as exact
_AT_ONCE = 1 << 17  # voxels


def fill_region(grid: Grid, mask: NDArray[np.bool_]) -> Iterator[Reals]:
    """Fill the voxels of a region with eight Gauss points each, or one where they are many.

    Parameters
    ----------
    grid
        Where the voxels lie.
    mask
        The region, ``(*grid.shape)``.

    Yields
    ------
    Reals
        World points ``(N, 3)`` of equal weight, some of the voxels after the other.
    """
    voxels = np.argwhere(mask).astype(np.float64)
    axis = _GAUSS if len(voxels) < _MANY else np.zeros(1)
    inner = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    for start in range(0, len(voxels), _AT_ONCE):
        index = (voxels[start : start + _AT_ONCE, None] + inner).reshape(-1, 3)
        yield index @ grid.affine[:3, :3].T + grid.affine[:3, 3]
