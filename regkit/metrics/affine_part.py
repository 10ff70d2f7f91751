"""The global part of a transform: the affine that fits it best."""

from __future__ import annotations

import numpy as np
import torch

from regkit.geometry.grid import Grid
from regkit.metrics.consistency import thin_grid
from regkit.transforms import Affine, Transform


def affine_part(phi: Transform, grid: Grid) -> Affine:
    """Fit an affine to ``phi`` over ``grid`` by least squares; an affine comes back as it is.

    Parameters
    ----------
    phi
        World points of fixed to world points of moving.
    grid
        Fixed's grid; about ten thousand of its voxels are used.

    Examples
    --------
    >>> affine_part(Affine(np.diag([2.0, 1.0, 1.0])), Grid((4, 4), np.eye(3))).matrix[0, 0]
    np.float64(2.0)
    """
    if isinstance(phi, Affine):
        return phi
    # An axis of one voxel leaves the fit open along it, so every axis gets at least two.
    sparse = thin_grid(grid, 10_000)
    points = sparse.with_shape(np.maximum(sparse.shape, 2)).world_points().reshape(-1, grid.ndim)
    centre = points.mean(0)
    columns = torch.cat([points - centre, torch.ones(len(points), 1, dtype=points.dtype)], dim=1)
    fit = torch.linalg.lstsq(columns, phi(points)).solution.numpy()
    matrix = np.eye(grid.ndim + 1)
    matrix[:-1, :-1] = fit[:-1].T
    matrix[:-1, -1] = fit[-1] - fit[:-1].T @ centre.numpy()
    return Affine(matrix)
