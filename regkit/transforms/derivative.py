"""The derivative of a transform at the voxels of a grid."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from regkit.geometry.grid import Grid
from regkit.transforms.transform import Transform


def derivative(phi: Transform, grid: Grid, rows: slice = slice(None)) -> Tensor:
    """Differentiate a transform, fixed to moving, at the voxels of ``grid``.

    Parameters
    ----------
    phi
        World points of ``grid`` to those of moving.
    grid
        Differences are central, one-sided at its border; an axis of a single voxel is sampled a
        quarter of a voxel to both sides.
    rows
        A range of its first axis.

    Returns
    -------
    Tensor
        ``(*shape, d, d)`` float64: how a step in the world of ``grid`` becomes one in the world of
        moving. ``(1, ..., 1, d, d)`` where it is the same everywhere.

    Examples
    --------
    >>> from regkit.transforms import Affine
    >>> turn = Affine([[0.0, -1.0, 5.0], [1.0, 0.0, 2.0], [0.0, 0.0, 1.0]])
    >>> derivative(turn, Grid((4, 6), np.diag([-2.0, 1.0, 1.0])))[0, 0].tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """
    fine = grid.with_shape(np.maximum(grid.shape, 2))
    first, last, _ = rows.indices(grid.shape[0])
    halo = slice(max(first - 1, 0), min(last + 1, fine.shape[0]))
    matrix, u = phi.on(fine, halo)
    outer = torch.from_numpy(matrix[:-1, :-1].copy())
    if u[0].numel() == 1:
        return outer.expand(*[1] * grid.ndim, *outer.shape)
    start = first - halo.start
    slopes = torch.stack([_slopes(part) for part in u.double()])
    slopes = slopes[:, :, start : start + last - first]
    for axis, size in enumerate(grid.shape[1:], start=3):
        slopes = slopes.narrow(axis, 0, size)
    inverse = torch.from_numpy(fine.inverse_affine[:-1, :-1].copy())
    world = torch.einsum("ab...,bc->...ac", slopes, inverse)
    return outer @ (torch.eye(grid.ndim, dtype=world.dtype) + world)


def _slopes(values: Tensor) -> Tensor:
    """Differences ``(d, *shape)`` of neighbours along each axis."""
    return torch.stack(torch.gradient(values, dim=list(range(values.ndim))))
