"""Put prompts on the grid of an image, where segmenters need them."""

from __future__ import annotations

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.resample import warp
from regkit.transforms import Affine
from regkit.volume import Points, Volume


def mask_on(mask: Volume, grid: Grid, *, name: str = "prompt") -> Tensor:
    """Return a mask ``(1, i, j, k)`` float32 on ``grid``, resampled linearly if it lies elsewhere.

    Parameters
    ----------
    mask
        ``(1, ...)``, 0 and 1 or probabilities, on any grid of the same world.
    grid
        The grid of the image.
    name
        What the message calls the mask, where it has no name.

    Raises
    ------
    InputError
        If the two lie in different worlds.
    """
    if mask.grid.world != grid.world:
        raise InputError(
            f"{mask.name or name}: the mask lies in {mask.grid.world!r}, the image in "
            f"{grid.world!r}; give both in one world"
        )
    if mask.grid.lies_on(grid):
        return mask.data[:1].float()
    image = Volume(mask.data[:1].float(), mask.grid, mask.name, mask.valid)
    return warp(image, Affine.identity(grid.ndim), onto=grid).data


def index_of(points: Points, grid: Grid) -> Tensor:
    """Return the voxels ``(N, d)`` int64 that hold ``points``, by the index of ``grid``."""
    return grid.to_index(points.xyz).round().to(torch.int64)
