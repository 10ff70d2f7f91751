"""Put prompts on the grid of an image, where segmenters need them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from foundation.prompts import Box
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


def boxes_on(boxes: Sequence[Box], grid: Grid) -> Tensor:
    """Return a mask ``(1, i, j, k)`` boolean of the voxels whose centre lies in one of the boxes.

    Parameters
    ----------
    boxes
        In the world of ``grid``.
    grid
        The grid of the image.

    Examples
    --------
    >>> import numpy as np
    >>> boxes_on([Box((1, 0, 0), (2, 0.5, 0.5))], Grid((4, 1, 1), np.eye(4))).flatten().tolist()
    [False, True, True, False]
    """
    inside = torch.zeros(1, *grid.shape, dtype=torch.bool)
    for box in boxes:
        corners = grid.to_index(torch.from_numpy(box.corners()))
        low = corners.amin(0).floor().clamp(min=0).long()
        size = torch.minimum(corners.amax(0).ceil().long() + 1, torch.tensor(grid.shape)) - low
        if bool((size < 1).any()):
            continue
        points = grid.window(low.tolist(), size.tolist()).world_points()
        within = (points >= torch.tensor(box.lower)) & (points <= torch.tensor(box.upper))
        part = tuple(slice(int(a), int(a + n)) for a, n in zip(low, size, strict=True))
        inside[0][part] |= within.all(-1)
    return inside


def index_of(points: Points, grid: Grid) -> Tensor:
    """Return the voxels ``(N, d)`` int64 that hold ``points``, by the index of ``grid``."""
    return grid.to_index(points.xyz).round().to(torch.int64)
