"""Compute the numbers that every registration reports."""

from __future__ import annotations

import torch
from torch import Tensor

from regkit.geometry.grid import Grid
from regkit.metrics.consistency import inverse_consistency, thin_grid
from regkit.metrics.jacobian import folding, jacobian, log_jacobian_sd
from regkit.metrics.region import region
from regkit.transforms import Transform
from regkit.volume.volume import Labels, Volume


def summarise(
    transform: Transform,
    inverse: Transform,
    fixed_grid: Grid,
    working_grid: Grid | None = None,
    mask: Volume | None = None,
    *,
    moving_grid: Grid | None = None,
) -> tuple[dict[str, float], Volume]:
    """Compute flat metrics of a transform, and its Jacobian determinant on fixed's grid.

    Parameters
    ----------
    transform
        World points of fixed to world points of moving.
    inverse
        World points of moving to world points of fixed.
    fixed_grid
        Fixed's own grid.
    working_grid
        The grid that the field was optimised on; adds ``folding_working``.
    mask
        Count only voxels where it is above 0.
    moving_grid
        Moving's own grid; keeps points that leave it out of the inverse consistency.

    Returns
    -------
    metrics, jacobian
        ``folding`` and ``folding_working`` (shares, 0..1), ``log_jacobian_sd``,
        ``inverse_consistency_mean`` and ``_p95`` (left out when no point counts),
        ``displacement_mean`` and ``_p95``, in the unit of fixed's world; and the determinant on
        ``fixed_grid``.

    Examples
    --------
    >>> import numpy as np
    >>> from regkit.transforms import Affine
    >>> same = Affine.identity()
    >>> summarise(same, same, Grid((3, 3, 3), np.eye(4)))[0]["folding"]
    0.0
    """
    determinant = jacobian(transform, fixed_grid)
    if mask is not None:  # once, on the grid where it is asked for most
        mask = Labels(region(mask, fixed_grid).to(torch.uint8), fixed_grid, mask.name)
    metrics = {"folding": folding(determinant, mask)}
    if working_grid is not None:
        metrics["folding_working"] = folding(jacobian(transform, working_grid), mask)
    metrics["log_jacobian_sd"] = log_jacobian_sd(determinant, mask)
    errors = inverse_consistency(transform, inverse, fixed_grid, mask, moving_grid=moving_grid)
    metrics |= _spread("inverse_consistency", errors)
    metrics |= _spread("displacement", _displacement(transform, fixed_grid, mask))
    return metrics, determinant


def _displacement(phi: Transform, grid: Grid, mask: Volume | None) -> Tensor:
    sparse = thin_grid(grid)
    points = sparse.world_points()[region(mask, sparse)]
    return (phi(points) - points).square().sum(-1).sqrt()


def _spread(name: str, values: Tensor) -> dict[str, float]:
    if not len(values):
        return {}
    rank = max(1, round(0.95 * len(values)))
    p95 = values.kthvalue(rank).values
    return {f"{name}_mean": float(values.mean()), f"{name}_p95": float(p95)}
