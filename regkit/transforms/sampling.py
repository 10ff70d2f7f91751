"""Any transform as a displacement field: what formats without a name for its kind hold."""

from __future__ import annotations

import torch

from regkit.geometry.grid import Grid
from regkit.transforms.displacement import DisplacementField
from regkit.transforms.transform import Transform


def sample_transform(transform: Transform, grid: Grid) -> DisplacementField:
    """Sample a transform, fixed to moving, as a displacement field.

    At the voxel centres of ``grid`` both map points alike, to float32; between them the field is
    linear, and outside the grid it moves nothing.

    Parameters
    ----------
    transform
        World points of fixed to world points of moving.
    grid
        Where to sample it, such as the grid of fixed.

    Examples
    --------
    >>> import numpy as np
    >>> from regkit.transforms import Affine
    >>> shift = Affine(np.array([[1.0, 0, 5], [0, 1, 0], [0, 0, 1]]))
    >>> sample_transform(shift, Grid((2, 2), np.eye(3))).u[0].tolist()
    [[5.0, 5.0], [5.0, 5.0]]
    """
    u = torch.empty((grid.ndim, *grid.shape), dtype=torch.float32)
    for rows in grid.slabs():
        points = grid.world_points(rows)
        u[:, rows] = (transform(points) - points).movedim(-1, 0).float()
    return DisplacementField(u, grid, 0.0, transform.fixed_world, transform.moving_world)
