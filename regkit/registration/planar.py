"""2-D pairs are registered as one slice of 3-D: the way in and out for transforms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.transforms import DisplacementField, Transform
from regkit.volume.volume import Volume

_KEEP = [0, 1, 3]


def lift_matrix(flat: Matrix) -> Matrix:
    """Make a ``(3, 3)`` affine a ``(4, 4)`` one that keeps the third world axis."""
    out = np.eye(4)
    out[np.ix_(_KEEP, _KEEP)] = flat
    return out


def drop_matrix(whole: Matrix) -> Matrix:
    """Make a ``(4, 4)`` affine the ``(3, 3)`` one that :func:`lift_matrix` made it from."""
    return whole[np.ix_(_KEEP, _KEEP)]


def lift_transform(flat: Transform) -> Callable[[Tensor], Tensor]:
    """Make a 2-D transform a map of 3-D world points that keeps the third coordinate.

    Points are ``(..., 3)``; the transform may lead in either direction.
    """
    return lambda x: torch.cat([flat(x[..., :2]), x[..., 2:]], dim=-1)


def drop_field(field: DisplacementField) -> DisplacementField:
    """Make the field of a lifted pair the 2-D one.

    The displacement goes from ``(3, 1, *spatial)``, the first index axis being the single slice, to
    ``(2, *spatial)``; it leads from fixed to fixed before and after, in world units.
    """
    return DisplacementField(field.u[:2, 0], drop_grid(field.grid))


def drop_grid(grid: Grid) -> Grid:
    """Make the grid of a lifted pair the 2-D one."""
    flat = np.eye(3)
    flat[:2] = grid.affine[np.ix_([0, 1], [1, 2, 3])]
    return grid.placed(grid.shape[1:], flat)


def drop_volume(volume: Volume) -> Volume:
    """Make an image of a lifted pair the 2-D one."""
    valid = None if volume.valid is None else volume.valid[0]
    return replace(volume, data=volume.data[:, 0], grid=drop_grid(volume.grid), valid=valid)
