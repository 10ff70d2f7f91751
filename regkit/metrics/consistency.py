"""Measure whether a transform and its inverse undo each other."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from regkit.geometry.affines import homogeneous
from regkit.geometry.grid import Grid
from regkit.metrics.region import region
from regkit.transforms import Transform
from regkit.volume.volume import Volume


def thin_grid(grid: Grid, limit: int = 200_000) -> Grid:
    """Take every n-th voxel of ``grid`` along each axis, with the smallest n that leaves ``limit``.

    Examples
    --------
    >>> thin_grid(Grid((10, 10), np.eye(3)), limit=25).shape
    (5, 5)
    """
    step = 1
    while np.prod([-(-n // step) for n in grid.shape]) > limit:
        step += 1
    stride = homogeneous(step * np.eye(grid.ndim), np.zeros(grid.ndim))
    return grid.placed([-(-n // step) for n in grid.shape], grid.affine @ stride)


def inverse_consistency(
    phi: Transform,
    inverse: Transform,
    grid: Grid,
    mask: Volume | None = None,
    *,
    moving_grid: Grid | None = None,
) -> Tensor:
    """Measure ``|inverse(phi(x)) - x|`` over the voxels of ``grid``.

    Parameters
    ----------
    phi
        World points of fixed to world points of moving.
    inverse
        World points of moving to world points of fixed.
    grid
        Fixed's grid; at most 200 000 of its voxels are used, on a regular stride.
    mask
        Count only voxels where it is above 0.
    moving_grid
        Count only voxels that ``phi`` maps into this field of view: beyond it nothing is known.

    Returns
    -------
    Tensor
        ``(N,)`` float64, world units; empty where no voxel counts.

    Examples
    --------
    >>> from regkit.transforms import Affine
    >>> shift = Affine(homogeneous(np.eye(2), [3.0, 4.0]))
    >>> inverse_consistency(shift, Affine.identity(2), Grid((1, 2), np.eye(3)))
    tensor([5., 5.], dtype=torch.float64)
    """
    sparse = thin_grid(grid)
    points = sparse.world_points()[region(mask, sparse)]
    mapped = phi(points)
    if moving_grid is not None:
        counts = moving_grid.contains(mapped)
        points, mapped = points[counts], mapped[counts]
    return (inverse(mapped) - points).square().sum(-1).sqrt()
