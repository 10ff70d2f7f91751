"""Prompts as channels beside the image."""

from __future__ import annotations

import torch
from torch import Tensor

from foundation.prompts import Box, Prompts
from foundation.segmenters.prompt_unet.crop import at_crop
from regkit.geometry import Grid
from regkit.transforms import Transform
from regkit.volume import Volume

SIGMA_VOXELS = 2.0  # of a point, in voxels of the crop


def prompt_channels(prompts: Prompts, grid: Grid) -> Tensor:
    """Draw the prompts on a crop.

    Parameters
    ----------
    prompts
        Points, boxes and a mask, in the world of ``grid``; whatever is not given is zero.
    grid
        The crop, whose axes are those of the world.

    Returns
    -------
    Tensor
        ``(4, *grid.shape)`` float32 in [0, 1]: mask, points inside, points outside, boxes.
    """
    empty = torch.zeros(1, *grid.shape)
    mask = empty if prompts.mask is None else mask_channel(prompts.mask, grid)
    boxes = torch.stack([empty, *(_filled(box, grid) for box in prompts.boxes)]).amax(0)
    return torch.cat([mask, *_points(prompts, grid), boxes])


def mask_channel(mask: Volume, grid: Grid, phi: Transform | None = None) -> Tensor:
    """Return the share of each voxel of a crop that a mask covers.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``, 0 to 1.
    grid
        The crop.
    phi
        World points of the crop to world points of the mask; none moves nothing.

    Returns
    -------
    Tensor
        ``(1, *grid.shape)`` in [0, 1].
    """
    return at_crop(mask, grid, phi).clamp(0, 1)


def _points(prompts: Prompts, grid: Grid) -> tuple[Tensor, Tensor]:
    found = (torch.zeros(1, *grid.shape), torch.zeros(1, *grid.shape))
    if prompts.points is None or prompts.points.positive is None:
        return found
    places = grid.to_index(prompts.points.points.xyz)
    for place, inside in zip(places, prompts.points.positive.tolist(), strict=True):
        channel = found[0 if inside else 1]
        channel.copy_(torch.maximum(channel, _bump(place, grid.shape)))
    return found


def _bump(place: Tensor, shape: tuple[int, ...]) -> Tensor:
    i, j, k = (
        torch.exp(-((torch.arange(n) - x) ** 2) / (2 * SIGMA_VOXELS**2)).float()
        for n, x in zip(shape, place, strict=True)
    )
    return (i[:, None, None] * j[None, :, None] * k)[None]


def _filled(box: Box, grid: Grid) -> Tensor:
    corners = grid.to_index(torch.tensor([box.lower, box.upper], dtype=torch.float64))
    i, j, k = (
        ((torch.arange(n) >= low - 0.5) & (torch.arange(n) <= high + 0.5)).float()
        for n, low, high in zip(grid.shape, corners[0], corners[1], strict=True)
    )
    filled: Tensor = i[:, None, None] * j[None, :, None] * k
    return filled[None]
