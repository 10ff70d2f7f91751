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
    """A ``(3, 3)`` affine as a ``(4, 4)`` one that keeps the third world axis."""
    out = np.eye(4)
    out[np.ix_(_KEEP, _KEEP)] = flat
    return out


def drop_matrix(whole: Matrix) -> Matrix:
    """Undo :func:`lift_matrix`."""
    return whole[np.ix_(_KEEP, _KEEP)]


def lift_transform(flat: Transform) -> Callable[[Tensor], Tensor]:
    """A 2-D transform as a map of 3-D points that keeps the third coordinate."""
    return lambda x: torch.cat([flat(x[..., :2]), x[..., 2:]], dim=-1)


def drop_field(field: DisplacementField) -> DisplacementField:
    """The 2-D field of a lifted grid, whose first index axis is the single slice."""
    return DisplacementField(field.u[:2, 0], drop_grid(field.grid))


def drop_grid(grid: Grid) -> Grid:
    """The 2-D grid of a lifted one."""
    flat = np.eye(3)
    flat[:2] = grid.affine[np.ix_([0, 1], [1, 2, 3])]
    return grid.placed(grid.shape[1:], flat)


def drop_volume(volume: Volume) -> Volume:
    """The 2-D image of a lifted one."""
    valid = None if volume.valid is None else volume.valid[0]
    return replace(volume, data=volume.data[:, 0], grid=drop_grid(volume.grid), valid=valid)
