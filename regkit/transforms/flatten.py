"""Any map of a region as an affine and a displacement, which files hold and loops are quick at."""

from __future__ import annotations

import numpy as np

from regkit.geometry.affines import homogeneous
from regkit.geometry.grid import Grid
from regkit.transforms.affine import Affine
from regkit.transforms.displacement import DisplacementField
from regkit.transforms.transform import Transform, compose

_MARGIN = 2  # nodes beyond the region
_FIRST, _FINEST = 64.0, 2.0  # pixels from node to node


def flatten(phi: Transform, grid: Grid, *, step: float) -> Transform:
    """Sample a transform, fixed to moving, as an affine after a displacement.

    Parameters
    ----------
    phi
        World points of ``grid`` to those of moving.
    grid
        The region that counts.
    step
        Pixels of ``grid`` from one node of the displacement to the next.

    Returns
    -------
    Transform
        ``A(x + u(x))``: what is far, such as between two UTM zones, is in the affine, in double
        precision, so that the displacement is small.
    """
    nodes = _nodes(grid, step)
    points = nodes.world_points()
    target = phi(points)
    matrix = _affine_of(*(each.reshape(-1, grid.ndim).numpy() for each in (points, target)))
    outer = Affine(matrix, None, phi.moving_world)
    u = (outer.inverse()(target) - points).movedim(-1, 0).float().contiguous()
    inner = DisplacementField(u, nodes, 0.0, phi.fixed_world, None)
    return compose(outer, inner)


def flatten_within(phi: Transform, grid: Grid, *, tolerance: float) -> Transform:
    """Sample a transform, fixed to moving, as :func:`flatten`, within a tolerance.

    Parameters
    ----------
    phi
        A smooth transform, such as a reprojection.
    grid
        The region that counts.
    tolerance
        In world units of moving, between the nodes.

    Returns
    -------
    Transform
        Nodes are at least two pixels apart.
    """
    step = _FIRST
    while True:
        found = flatten(phi, grid, step=step)
        between = _nodes(grid, step * 0.75).world_points()
        inside = grid.contains(between)
        apart = (found(between) - phi(between)).norm(dim=-1)[inside]
        if step <= _FINEST or float(apart.max()) <= tolerance:
            return found
        step /= 2


def _nodes(grid: Grid, step: float) -> Grid:
    """A grid of nodes ``step`` pixels apart that reaches a little beyond ``grid``."""
    shape = [int(np.ceil((n - 1) / step)) + 1 + 2 * _MARGIN for n in grid.shape]
    start = homogeneous(step * np.eye(grid.ndim), [-_MARGIN * step] * grid.ndim)
    return grid.placed(shape, grid.affine @ start)


def _affine_of(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The affine nearest to a map of points, about their centre, where its numbers are small."""
    centre, goal = x.mean(0), y.mean(0)
    linear = np.linalg.lstsq(x - centre, y - goal, rcond=None)[0].T
    return homogeneous(linear, goal - linear @ centre)
