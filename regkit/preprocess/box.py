"""Lay the working grid: a box around what both images can tell about, in voxels that suit it."""

from __future__ import annotations

import math

import numpy as np

from regkit.geometry.grid import Grid
from regkit.preprocess.foreground import bounding_window
from regkit.volume.volume import Labels

_TIE = 1e-6  # of a voxel: what the last bits of a header must not decide


def working_grid(
    region: Labels, moving: Grid, *, margin: float, multiple: int, max_voxels: int
) -> Grid:
    """Lay a near-isotropic grid around ``region``, aligned with its axes.

    Parameters
    ----------
    region
        Fixed's mask or foreground, in canonical orientation. Its directions are kept, and its
        voxels too where they are isotropic.
    moving
        Grid of the moving image; voxels much finer than its own carry nothing.
    margin
        Room around the region in world units, where the field comes to rest.
    multiple
        The shape is divisible by this, so that coarse levels nest.
    max_voxels
        Coarser voxels are taken where the box would hold more.
    """
    grid = region.grid
    start, shape = bounding_window(region.data[0])
    axes = zip(grid.spacing, grid.shape, strict=True)
    pad = [math.ceil(margin / s - _TIE) if n > 1 else 0 for s, n in axes]
    box = grid.window(
        [a - p for a, p in zip(start, pad, strict=True)],
        [n + 2 * p for n, p in zip(shape, pad, strict=True)],
    )
    spacing = max(_mean_spacing(grid), _mean_spacing(moving) / 2)
    extent = np.array(box.shape) * np.array(box.spacing)
    spacing = max(spacing, float(np.prod(extent[_real(box)]) / max_voxels) ** (1 / len(_real(box))))
    return _cut(box, spacing, multiple)


def _mean_spacing(grid: Grid) -> float:
    axes = _real(grid)
    return float(np.prod(np.array(grid.spacing)[axes]) ** (1 / len(axes)))


def _real(grid: Grid) -> list[int]:
    """List the axes of more than one voxel: a lifted 2-D image has an axis that only stands in."""
    return [axis for axis, n in enumerate(grid.shape) if n > 1] or list(range(grid.ndim))


def _cut(box: Grid, spacing: float, multiple: int) -> Grid:
    """Divide ``box`` into voxels of ``spacing``, its shape rounded up to a multiple.

    The start stays.

    Where the voxels already are of this size they are kept as they are, so that an isotropic
    image is not resampled at all.
    """
    axes = zip(box.spacing, box.shape, strict=True)
    factor = np.array([spacing / s if n > 1 else 1.0 for s, n in axes])
    factor[np.abs(factor - 1) < 0.02] = 1.0
    counts = [
        math.ceil(n / f / multiple - _TIE) * multiple if n > 1 else 1
        for n, f in zip(box.shape, factor, strict=True)
    ]
    step = np.eye(box.ndim + 1)
    step[:-1, :-1] = np.diag(factor)
    step[:-1, -1] = (factor - 1) / 2
    return box.placed(counts, box.affine @ step)
