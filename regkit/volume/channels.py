"""Images of one grid as the channels of one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.grid import Grid
from regkit.geometry.world import check_same_world

_APART = 0.01  # of a voxel; headers keep float32
_WIDE = (torch.int32, torch.int64)


def joined_channels(data: Sequence[Tensor]) -> Tensor:
    """Join arrays ``(C, *spatial)`` along their channels, in a type that holds the values of all.

    Examples
    --------
    >>> joined_channels([torch.ones(1, 2, dtype=torch.uint8), torch.ones(1, 2)]).dtype
    torch.float32
    """
    dtype = reduce(torch.promote_types, [each.dtype for each in data])
    if dtype is torch.float32 and any(each.dtype in _WIDE for each in data):
        dtype = torch.float64  # float32 leaves out whole numbers from 2**24 on
    return torch.cat([each.to(dtype) for each in data])


def check_one_grid(grids: Sequence[Grid], names: Sequence[str]) -> None:
    """Refuse grids that differ by more than the rounding of headers.

    Raises
    ------
    InputError
        If one lies elsewhere than the first; it names both images.
    """
    first = grids[0]
    for grid, name in zip(grids[1:], names[1:], strict=True):
        pair = name or "an image", names[0] or "the first"
        check_same_world(grid.world, first.world, pair)
        if not grid.lies_on(first, tolerance=_APART):
            raise InputError(
                f"{pair[0]}: lies on {grid}, and {pair[1]} on {first}, {grid.apart(first)}; "
                "channels share one grid: resample one onto the other first (regkit.warp)"
            )
