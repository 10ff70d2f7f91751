"""The pair of grids and the transforms on which formats are judged."""

from __future__ import annotations

import numpy as np
import torch

from regkit import Affine, DisplacementField, Grid
from regkit.geometry.affines import homogeneous, rotation


def _placed(shape, angles, spacing, origin) -> Grid:
    """A grid whose affine a NIfTI header, in float32, holds without rounding."""
    linear = (rotation(angles) @ np.diag(spacing)).astype(np.float32).astype(np.float64)
    return Grid(shape, homogeneous(linear, origin))


# Both oblique, anisotropic and left-handed.
FIXED = _placed((24, 28, 20), [0.2, -0.15, 0.3], [-1.3, 1.1, 1.9], [21.0, -13.5, 4.25])
MOVING = _placed((38, 46, 32), [-0.25, 0.3, -0.1], [1.2, -0.9, 1.6], [-28.0, 2.0, 6.0])
TURN = Affine(
    homogeneous(
        rotation([0.1, -0.2, 0.15]) @ [[1.05, 0.02, 0.0], [0.0, 0.95, -0.03], [0.01, 0.0, 1.1]],
        [3.0, -4.0, 5.5],
    )
)


def right_handed(grid: Grid) -> Grid:
    """The same voxels with the first axis the other way round."""
    n = grid.shape[0]
    return Grid(grid.shape, grid.affine @ homogeneous(np.diag([-1.0, 1, 1]), [n - 1.0, 0, 0]))


def inside(grid: Grid, count: int = 1000) -> torch.Tensor:
    """World points ``(count, 3)`` within the voxel centres of a grid."""
    random = torch.rand(count, 3, generator=torch.Generator().manual_seed(5)).double()
    return grid.to_world(random * (torch.tensor(grid.shape) - 1))


def bend_on(grid: Grid) -> DisplacementField:
    """A smooth field of up to 3 mm, different along every axis."""
    x, y, z = ((grid.world_points() - torch.from_numpy(grid.centre)) / 8).unbind(-1)
    u = torch.stack([3 * torch.sin(y + 1), 2 * torch.cos(x) + z / 4, 2.5 * torch.sin(x + z)])
    return DisplacementField(u, grid)
