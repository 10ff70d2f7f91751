"""The part of the world that the network sees: chosen from the prompts alone."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from foundation.prompts import Box, Prompts
from regkit.errors import InputError
from regkit.geometry import Grid, World
from regkit.resample import warp
from regkit.transforms import Affine, Transform
from regkit.volume import Volume

CROP_VOXELS = 48
MARGIN = 1.7  # the side of the crop over that of what is prompted
FIELD_MM = 96.0  # the side of the crop around points, which do not tell how large a structure is
LEAST_MM = 1.0  # the finest spacing
_FINER = 1.5  # how much finer an image must be for its voxels to be averaged


def crop_grid(prompts: Prompts, world: World, *, size: int = CROP_VOXELS) -> Grid:
    """Place a cube of ``size`` voxels an axis around the middle of the prompts.

    Its axes are those of the world, whatever those of the image are. What a mask or a box covers
    decides its spacing, not what is true.

    Parameters
    ----------
    prompts
        Points, boxes or a mask, in ``world``.
    world
        That of the image; its unit must be a length.
    size
        Voxels along each axis.

    Raises
    ------
    InputError
        If there is none of these, the mask holds nothing, or the world has no lengths.
    """
    unit = world.scale_to("mm")
    points = _place(prompts.points.points.xyz) if prompts.points else None
    regions = [*prompts.boxes, *([mask_box(prompts.mask)] if prompts.mask is not None else [])]
    if points is None and not regions:
        raise InputError("a crop needs points, a box or a mask; give one")
    whole = _union(regions) if regions else points
    side = max(whole.size) * MARGIN if whole is not None else 0.0
    least = LEAST_MM * size if regions else FIELD_MM
    spacing = max(side, least / unit) / size
    return _cube(whole or regions[0], spacing, size, world)


def mask_box(mask: Volume) -> Box:
    """Return the smallest box of the world around the voxels of a mask that are above one half.

    The mask is ``(1, i, j, k)``; the centres of its voxels count.

    Raises
    ------
    InputError
        If there are none.
    """
    inside = torch.nonzero(mask.data[0] > 0.5)
    if not len(inside):
        raise InputError(f"{mask.name or 'prompt'}: the mask holds no voxel above one half")
    return _place(mask.grid.to_world(inside.double()))


def at_crop(image: Volume, grid: Grid, phi: Transform | None = None) -> Tensor:
    """Sample an image on a crop; where the image is much finer, eight samples are averaged.

    Parameters
    ----------
    image
        ``(1, i, j, k)``.
    grid
        The crop, of the same world.
    phi
        World points of the crop to world points of the image; none moves nothing.

    Returns
    -------
    Tensor
        ``(1, *grid.shape)`` float32, 0 outside the image.
    """
    phi = Affine.identity() if phi is None else phi
    smooth = Volume(image.data[:1].float(), image.grid, image.name)
    if min(grid.spacing) < _FINER * min(image.grid.spacing):
        return warp(smooth, phi, onto=grid).data
    fine = grid.with_shape([2 * n for n in grid.shape])
    return functional.avg_pool3d(warp(smooth, phi, onto=fine).data[None], 2)[0]


def image_channel(image: Volume, grid: Grid, phi: Transform | None = None) -> Tensor:
    """Return what the network sees of an image on a crop, ``(1, *grid.shape)``, about -1 to 1.

    Parameters
    ----------
    image
        ``(1, i, j, k)``.
    grid
        The crop.
    phi
        World points of the crop to world points of the image; none moves nothing.

    Raises
    ------
    InputError
        If nothing of the crop lies in the image.
    """
    points = grid.world_points()
    inside = image.grid.contains(points if phi is None else phi(points))
    if not bool(inside.any()):
        raise InputError(
            f"{image.name or 'image'}: the prompt lies outside the image; give one that is in it"
        )
    return normalised_crop(at_crop(image, grid, phi), inside)


def normalised_crop(image: Tensor, inside: Tensor) -> Tensor:
    """Bring the 1 % and 99 % quantiles of a crop to -1 and 1.

    Parameters
    ----------
    image
        ``(1, i, j, k)``.
    inside
        ``(i, j, k)`` boolean: where the image has data; -1 is put elsewhere.

    Returns
    -------
    Tensor
        From -1.5 to 1.5; zeros where the crop has no contrast.
    """
    values = image[:, inside]
    if not values.numel():
        return torch.full_like(image, -1.0)
    low, high = (float(np.quantile(values.numpy(), q)) for q in (0.01, 0.99))
    if not high > low:
        return torch.zeros_like(image)
    scaled = (2 * (image - low) / (high - low) - 1).clamp(-1.5, 1.5)
    return torch.where(inside, scaled, torch.full_like(scaled, -1.0))


def _place(points: Tensor) -> Box:
    return Box.around(points.double().numpy())


def _union(boxes: list[Box]) -> Box:
    return Box.around(np.concatenate([box.corners() for box in boxes]))


def _cube(around: Box, spacing: float, size: int, world: World) -> Grid:
    affine = np.diag([spacing] * 3 + [1.0])
    affine[:3, 3] = np.asarray(around.centre) - spacing * (size - 1) / 2
    return Grid((size,) * 3, affine, world)
