"""Measure the local change of volume of a transform, and how much of it folds."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.grid import Grid
from regkit.kernels.fields import jacobian_determinant
from regkit.metrics.region import region
from regkit.transforms import Transform
from regkit.volume.volume import Volume

# Folded voxels have no logarithm; they enter the spread as a thousandfold compression.
_SMALLEST = 1e-3


def jacobian(phi: Transform, grid: Grid) -> Volume:
    """Compute the determinant of ``d phi / d x`` in world units at every voxel of ``grid``.

    Above 1 a voxel of fixed covers more than its own volume of moving, below 1 less; 0 and
    below it folds. How the grid is stored (orientation, handedness) does not matter.

    Parameters
    ----------
    phi
        World points of fixed to world points of moving.
    grid
        Usually fixed's. Differences are central, one-sided at the border; an axis of a single
        voxel is sampled a quarter of a voxel to both sides.

    Returns
    -------
    Volume
        ``(1, *grid.shape)`` float32, named ``jacobian``.

    Raises
    ------
    InputError
        If the dimensions differ.

    Examples
    --------
    >>> from regkit.transforms import Affine
    >>> grid = Grid((2, 3, 4), np.diag([-1.0, 1.0, 3.0, 1.0]))
    >>> jacobian(Affine(np.diag([2.0, 1.0, 1.0, 1.0])), grid).data.unique().tolist()
    [2.0]
    """
    if phi.ndim != grid.ndim:
        raise InputError(f"a {phi.ndim}-D transform has no Jacobian on a {grid.ndim}-D grid")
    fine = grid.with_shape(np.maximum(grid.shape, 2))
    out = torch.empty(fine.shape, dtype=torch.float32)
    for rows in fine.slabs(1 << 20):
        out[rows] = _determinant(phi, fine, rows)
    return Volume(out[tuple(slice(n) for n in grid.shape)], grid, "jacobian")


def folding(jacobian: Volume, mask: Volume | None = None) -> float:
    """Return the share of voxels (0..1) whose determinant is 0 or below, or not a number.

    Parameters
    ----------
    jacobian
        What :func:`jacobian` returned.
    mask
        Count only voxels where it is above 0; it may lie on another grid.
    """
    inside = region(mask, jacobian.grid)
    counted = inside.numpy()
    unfolded = (jacobian.data[0].cpu().numpy() > 0) & counted
    return 1.0 - int(np.count_nonzero(unfolded)) / int(np.count_nonzero(counted))


def log_jacobian_sd(jacobian: Volume, mask: Volume | None = None) -> float:
    """Return the standard deviation of the determinant's logarithm: how uneven the deformation is.

    Determinants below 0.001, folded ones included, count as 0.001.

    Parameters
    ----------
    jacobian
        What :func:`jacobian` returned.
    mask
        As for :func:`folding`.
    """
    values = jacobian.data[0].cpu().numpy()
    inside = values if mask is None else values[region(mask, jacobian.grid).numpy()]
    return float(np.log(np.maximum(inside, _SMALLEST)).std(dtype=np.float64))


def deformation_metrics(jacobian: Volume, mask: Volume | None = None) -> dict[str, float]:
    """Return ``folding`` and ``log_jacobian_sd`` by their names in records.

    Parameters
    ----------
    jacobian
        What :func:`jacobian` returned.
    mask
        As for :func:`folding`.
    """
    return {
        "folding": folding(jacobian, mask),
        "log_jacobian_sd": log_jacobian_sd(jacobian, mask),
    }


def _determinant(phi: Transform, grid: Grid, rows: slice) -> Tensor:
    """Compute determinants of some rows, from those rows and one more on either side."""
    halo = slice(max(rows.start - 1, 0), min(rows.stop + 1, grid.shape[0]))
    matrix, u = phi.on(grid, halo)
    whole = u.expand(-1, *grid.rows(halo).shape)
    linear = grid.affine[:-1, :-1]
    inner = slice(rows.start - halo.start, rows.stop - halo.start)
    scale = float(np.linalg.det(matrix) / np.linalg.det(linear))
    return scale * jacobian_determinant(whole, linear)[inner]
