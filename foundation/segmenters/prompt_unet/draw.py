"""Draw what the network learns from: a crop, prompts drawn on it, and the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from foundation.prompts import PointPrompt, Prompts
from foundation.segmenters.prompt_unet.channels import mask_channel, prompt_channels
from foundation.segmenters.prompt_unet.crop import FIELD_MM, crop_grid, image_channel, mask_box
from foundation.segmenters.prompt_unet.imprecise import worse_box, worse_mask
from foundation.segmenters.prompt_unet.intensities import smooth_noise, vary_intensities
from foundation.segmenters.prompt_unet.structures import LabelledImage, longest_side
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix, about, rotation
from regkit.transforms import Affine, DisplacementField, Transform
from regkit.volume import Points, Volume

_ROOM = 2.4  # the side of the cube on which prompts are made, over that of the structure
_STRETCH, _TURN, _ELASTIC = 0.2, 0.35, 0.07
_SIDES = (8.0, 70.0)  # mm, of made shapes
_TRIED = 64  # places of an image of which one is taken
_WITHOUT = 0.9  # a structure of so large a share of the crop around points is shown no points alone


@dataclass(frozen=True)
class Shares:
    """How examples are drawn.

    Parameters
    ----------
    shapes
        The share of examples whose structure is a made shape, put into any of the images.
    imprecision
        The largest change of masks and boxes, as a share of the structure's longest side.
    """

    shapes: float = 0.25
    imprecision: float = 0.0


def draw_example(
    examples: Sequence[LabelledImage], shares: Shares, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw one crop with its prompts.

    Parameters
    ----------
    examples
        Images with their structures; those without are shown with made shapes alone.
    shares
        How they are drawn.
    generator
        Of the CPU.

    Returns
    -------
    seen, truth
        ``(5, n, n, n)`` and ``(1, n, n, n)``, float32.
    """
    labelled = [each for each in examples if each.masks]
    if not labelled or _chance(generator) < shares.shapes:
        return _shape(examples[_below(len(examples), generator)], shares, generator)
    counts = torch.tensor([float(len(each.masks)) for each in labelled])
    one = labelled[int(torch.multinomial(counts.sqrt(), 1, generator=generator))]
    mask = one.masks[_below(len(one.masks), generator)]
    mask = mask.with_data(mask.data.float())
    middle, side = np.array(mask_box(mask).centre), longest_side(mask)
    phi = _deformation(middle, side, one.image.grid, generator)
    cube = _cube(middle, side * _ROOM, mask.grid)
    truth = Volume(mask_channel(mask, cube, phi), cube, "truth")
    if not bool((truth.data > 0.5).any()):  # too thin for these voxels
        return draw_example(examples, shares, generator)
    prompts = draw_prompts(truth, shares, generator)
    grid = crop_grid(prompts, cube.world)
    image = vary_intensities(image_channel(one.image, grid, phi), generator)
    return _pair(image, prompts, grid, mask_channel(mask, grid, phi))


def draw_prompts(truth: Volume, shares: Shares, generator: torch.Generator) -> Prompts:
    """Draw prompts of a structure: its mask, a box, points, or a mask and points.

    Parameters
    ----------
    truth
        ``(1, n, n, n)``, shares of isotropic voxels.
    shares
        How wrong they may be.
    generator
        Of the CPU.
    """
    inside, kind = truth.data[0] > 0.5, _chance(generator)
    if kind < 0.2 and longest_side(truth) < _WITHOUT * FIELD_MM:
        return Prompts(points=_points(inside, inside, truth.grid, generator))
    if kind < 0.45:
        return Prompts(boxes=(worse_box(mask_box(truth), shares.imprecision, generator),))
    given = worse_mask(inside, shares.imprecision, generator) if shares.imprecision else inside
    same = bool((given == inside).all())
    mask = truth if same else Volume(given[None].float(), truth.grid, "prompt")
    if kind < 0.9:
        return Prompts(mask=mask)
    return Prompts(points=_points(inside, given, truth.grid, generator), mask=mask)


def _points(inside: Tensor, given: Tensor, grid: Grid, generator: torch.Generator) -> PointPrompt:
    """One to three points inside, better where the mask is wrong, and up to two near it outside."""
    missed = inside & ~given
    within = _some(missed if bool(missed.any()) else inside, 1 + _below(3, generator), generator)
    near = _wider(inside)
    beyond = _some(near & ~inside, _below(3, generator), generator)
    signs = torch.tensor([True] * len(within) + [False] * len(beyond))
    places = grid.to_world(torch.cat([within, beyond]).double())
    return PointPrompt(Points(places), signs)


def _wider(inside: Tensor) -> Tensor:
    """The mask and four voxels around it."""
    found = inside[None, None].float()
    for kernel in ((9, 1, 1), (1, 9, 1), (1, 1, 9)):
        found = functional.max_pool3d(found, kernel, 1, tuple(n // 2 for n in kernel))
    return found[0, 0] > 0


def _some(where: Tensor, count: int, generator: torch.Generator) -> Tensor:
    index = torch.nonzero(where)
    count = min(count, len(index))
    return index[torch.randint(max(len(index), 1), (count,), generator=generator)]


def _shape(one: LabelledImage, shares: Shares, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Put a smooth made shape of another intensity into an image."""
    low, high = np.log(_SIDES)
    side = float(np.exp(low + (high - low) * _chance(generator)))
    middle = _somewhere(one.image, generator)
    phi = _deformation(middle, side, one.image.grid, generator)
    truth = _blob(_cube(middle, side * _ROOM, one.image.grid), generator)
    prompts = draw_prompts(truth, shares, generator)
    grid = crop_grid(prompts, one.image.grid.world)
    inside = mask_channel(truth, grid)
    image = image_channel(one.image, grid, phi)
    value = 2 * _chance(generator) - 1 + 0.2 * smooth_noise(image.shape[1:], 8, generator)
    image = vary_intensities(torch.lerp(image, value, inside), generator)
    return _pair(image, prompts, grid, inside)


def _blob(cube: Grid, generator: torch.Generator) -> Volume:
    """An ellipsoid with a wavy surface, of half to all of the side that the cube has room for."""
    axes = 0.5 + 0.5 * torch.rand(3, 1, 1, 1, generator=generator)
    index = torch.stack(
        torch.meshgrid(*[torch.linspace(-1, 1, n) for n in cube.shape], indexing="ij")
    )
    away = (index * _ROOM / axes).square().sum(0, keepdim=True).sqrt()
    waves = 0.5 * smooth_noise(away.shape[1:], 6, generator)
    sharp = 4.0 + 4.0 * _chance(generator)
    return Volume(((1 + waves - away) * sharp + 0.5).clamp(0, 1), cube, "shape")


def _somewhere(image: Volume, generator: torch.Generator) -> Matrix:
    """A place that is brighter than most."""
    shape = torch.tensor(image.shape)
    index = (torch.rand(_TRIED, 3, generator=generator) * shape).long()
    values = image.data[0][tuple(index.T)].float()
    place = index[int((values >= values.mean()).nonzero()[0])]
    return np.asarray(image.grid.to_world(place.double()).numpy())


def _deformation(middle: Matrix, side: float, grid: Grid, generator: torch.Generator) -> Transform:
    """World points of the crop to those of the image: turned, stretched, mirrored and bent."""
    draws = [2 * _chance(generator) - 1 for _ in range(7)]
    turn = rotation([pi * _TURN * x for x in draws[:3]])
    stretch = np.diag(np.exp(_STRETCH * np.array(draws[3:6])))
    if draws[6] > 0:
        stretch = np.diag([-1.0, 1.0, 1.0]) @ stretch
    carrier = _cube(middle, side * _ROOM * 1.3, grid, 16)
    u = torch.cat([smooth_noise(carrier.shape, 5, generator) for _ in range(3)])
    return Affine(about(middle, turn @ stretch)) @ DisplacementField(_ELASTIC * side * u, carrier)


def _cube(middle: Matrix, side: float, like: Grid, size: int = 48) -> Grid:
    affine = np.diag([side / size] * 3 + [1.0])
    affine[:3, 3] = middle - side * (size - 1) / size / 2
    return Grid((size,) * 3, affine, like.world)


def _pair(image: Tensor, prompts: Prompts, grid: Grid, truth: Tensor) -> tuple[Tensor, Tensor]:
    return torch.cat([image, prompt_channels(prompts, grid)]), truth


def _below(n: int, generator: torch.Generator) -> int:
    return int(torch.randint(n, (), generator=generator))


def _chance(generator: torch.Generator) -> float:
    return float(torch.rand((), generator=generator))
