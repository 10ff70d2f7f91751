"""The one way in which engines see every image: axes along R, A, S, and 3-D."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from regkit.geometry.grid import Grid
from regkit.volume.volume import AnyVolume


def canonical(volume: AnyVolume) -> AnyVolume:
    """Reorder the axes of a volume to R, A, S; a 2-D volume becomes one slice of a 3-D one."""
    turned = volume.reoriented("RAS"[: volume.ndim])
    turned = replace(turned, grid=_rounded(turned.grid))
    return turned if turned.ndim == 3 else lift_volume(turned)


def _rounded(grid: Grid) -> Grid:
    """Without the last bits, which tell in which order the voxels were stored.

    Optimisers would make hundredths of voxels of them, and as many different results.
    """
    quantum = min(grid.spacing) * 2.0**-30  # a share of a voxel, whatever the unit of the world
    affine = np.rint(grid.affine / quantum) * quantum
    affine[-1] = grid.affine[-1]
    return grid.placed(grid.shape, affine)


def lift_volume(volume: AnyVolume) -> AnyVolume:
    """Make a 2-D volume a 3-D one whose first axis is a single slice along the third world axis."""
    flat = volume.grid.affine
    whole = np.zeros((4, 4))
    whole[:2, 1:3] = flat[:2, :2]
    whole[:2, 3] = flat[:2, 2]
    whole[2, 0] = whole[3, 3] = 1
    grid = volume.grid.placed((1, *volume.grid.shape), whole)
    valid = None if volume.valid is None else volume.valid[None]
    return replace(volume, data=volume.data[:, None], grid=grid, valid=valid)
