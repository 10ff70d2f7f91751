"""Voxels to start from: those of points, and the innermost one of a mask."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from foundation.prompts import PointPrompt, Prompts
from foundation.segmenters.on_grid import index_of, mask_on
from foundation.segmenters.segmenter import UnsupportedPromptError
from regkit.errors import InputError
from regkit.geometry import Grid


def seed_voxels(prompts: Prompts, grid: Grid, model: str) -> tuple[Tensor, Tensor]:
    """Return the voxels ``(N, d)`` inside and ``(M, d)`` outside that points or a mask show.

    Parameters
    ----------
    prompts
        Points, or a mask, whose innermost voxel is taken.
    grid
        Of the image.
    model
        What messages call the segmenter.

    Raises
    ------
    UnsupportedPromptError
        If there are neither points nor a mask, or no point inside.
    InputError
        If a point lies outside the image, or the mask holds nothing in it.
    """
    if prompts.points is not None:
        return point_voxels(prompts.points, grid, model)
    if prompts.mask is None:
        raise UnsupportedPromptError(f"{model} needs a prompt of the kind points or mask; give one")
    depth = depth_inside(mask_on(prompts.mask, grid)[0] > 0.5, grid, model)
    innermost = np.unravel_index(int(np.argmax(depth.numpy())), grid.shape)
    return torch.tensor([[int(n) for n in innermost]]), torch.empty(0, grid.ndim, dtype=torch.int64)


def point_voxels(points: PointPrompt, grid: Grid, model: str) -> tuple[Tensor, Tensor]:
    """Return the voxels ``(N, d)`` of positive points and ``(M, d)`` of negative ones.

    Parameters
    ----------
    points
        In the world of ``grid``.
    grid
        Of the image.
    model
        What messages call the segmenter.

    Raises
    ------
    UnsupportedPromptError
        If no point is positive.
    InputError
        If a point lies outside the image.
    """
    inside = grid.contains(points.points.xyz)
    if not bool(inside.all()):
        first = points.points.xyz[~inside][0].tolist()
        raise InputError(f"point {first} lies outside the image; give one that is in it")
    index, positive = index_of(points.points, grid), torch.as_tensor(points.positive)
    if not bool(positive.any()):
        raise UnsupportedPromptError(f"{model} needs a point inside the structure; give one")
    return index[positive], index[~positive]


def depth_inside(mask: Tensor, grid: Grid, model: str) -> Tensor:
    """Return how far each voxel of a mask is from the nearest one that is not in it.

    Parameters
    ----------
    mask
        ``(i, j, k)`` boolean. Beyond the image nothing is in it.
    grid
        Of the mask; distances are in units of its world.
    model
        What messages call the segmenter.

    Returns
    -------
    Tensor
        ``(i, j, k)`` float64, 0 outside the mask.

    Raises
    ------
    InputError
        If the mask is empty.
    """
    places = torch.nonzero(mask)
    if not len(places):
        raise InputError(f"{model}: the mask holds no voxel of the image; give one that does")
    low, high = places.amin(0), places.amax(0) + 1
    where = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    part = np.pad(mask[where].numpy(), 1)
    depth = ndimage.distance_transform_edt(part, sampling=grid.spacing)
    out = torch.zeros(mask.shape, dtype=torch.float64)
    out[where] = torch.from_numpy(depth[(slice(1, -1),) * mask.ndim])
    return out
