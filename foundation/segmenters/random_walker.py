"""Random walker: from which seeds a walk that shuns edges is likelier to come."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from foundation.prompts import Box, PointPrompt, PromptKind, Prompts
from foundation.segmenters.given import check_one_channel, given_image, given_mask
from foundation.segmenters.lines import scribbles_as_points
from foundation.segmenters.on_grid import mask_on
from foundation.segmenters.prompt_unet.crop import mask_box
from foundation.segmenters.seeds import point_voxels
from foundation.segmenters.segmenter import Capabilities, Segmentation
from regkit.errors import InputError, require
from regkit.geometry import Grid
from regkit.resample import warp
from regkit.transforms import Affine
from regkit.volume import Volume

_CAPABILITIES = Capabilities(
    (PromptKind.POINTS, PromptKind.SCRIBBLES, PromptKind.BOX, PromptKind.MASK)
)
_RANGE = (0.01, 0.99)
_BETA = 130.0  # scikit-image's default: how much edges hold a walk back
_ROOM = 0.4  # around what is prompted, a share of its side
_FIELD_MM = 60.0  # the side of the part around points
_CERTAIN = 0.4  # the share of the depth of a mask at which its voxels are seeds
_CORE = 0.35  # the size of the seed in a box, a share of the box
_MOST = 60_000  # voxels that are solved for; a larger part is solved on coarser ones
_TOLERANCE = 1e-6
_INSIDE, _OUTSIDE = 1, 2


def open_random_walker(path: Path | None) -> RandomWalker:
    """The random walker of Grady (IEEE TPAMI 2006), scikit-image's.

    Parameters
    ----------
    path
        Not needed: it has no weights.

    Raises
    ------
    InputError
        If a path is given, or scikit-image is not installed.
    """
    if path is not None:
        raise InputError(f"model random-walker={path}: it has no weights; write the name alone")
    require("skimage.segmentation", extra="segment")
    return RandomWalker()


@dataclass
class RandomWalker:
    """Probabilities on the part of the image around the prompt; 0 beyond.

    Seeds are what is deep inside a mask and far from it, the core of a box and what lies around
    it, points, or what scribbles cover. Without negative ones, the border of the part is outside.
    """

    name: str = "random-walker"
    capabilities: Capabilities = _CAPABILITIES
    image: Volume | None = None

    def set_image(self, image: Volume) -> None:
        """Take a 3-D image of one channel ``(1, i, j, k)``, whose world has a unit of length.

        Raises
        ------
        InputError
            If it is another.
        """
        check_one_channel(image, self.name)
        image.grid.world.scale_to("mm")
        self.image = image

    def segment(self, prompts: Prompts) -> Segmentation:
        """Segment on the grid of the image.

        Raises
        ------
        UnsupportedPromptError
            If something else than points, scribbles, boxes or a mask is given, or no place inside.
        InputError
            If no image was set, or the prompt lies outside it.
        """
        image = given_image(self.image, self.name)
        self.capabilities.check(prompts, self.name)
        prompts = scribbles_as_points(prompts, image.grid)
        start, grid = _part(prompts, image.grid, self.name)
        coarse = _coarser(grid)
        seeds = _seeds(prompts, coarse, self.name)
        chance = Volume(_walked(_on(image, coarse), seeds, coarse)[None], coarse)
        whole = warp(chance, Affine.identity(), onto=grid).window(
            [-n for n in start], image.grid.shape
        )
        details = {"part_shape": list(grid.shape), "solved_shape": list(coarse.shape)}
        return Segmentation.of(Volume(whole.data, image.grid, image.name), details)

    def reset(self) -> None:
        """Forget the image."""
        self.image = None


def _part(prompts: Prompts, grid: Grid, model: str) -> tuple[list[int], Grid]:
    """The first voxel and the grid of the part of an image that the prompts ask for."""
    region, room = _region(prompts, grid)
    corners = grid.to_index(torch.from_numpy(region.corners()))
    margin = room / torch.tensor(grid.spacing)
    low = (corners.amin(0) - margin).floor().clamp(min=0).long()
    high = (corners.amax(0) + margin).ceil().long() + 1
    size = torch.minimum(high, torch.tensor(grid.shape)) - low
    if bool((size < 1).any()):
        raise InputError(f"{model}: the prompt lies outside the image; give one that is in it")
    return low.tolist(), grid.window(low.tolist(), size.tolist())


def _region(prompts: Prompts, grid: Grid) -> tuple[Box, float]:
    """What is prompted, and how much room there is around it, in world units."""
    if prompts.points is not None:
        room = _FIELD_MM / 2 / grid.world.scale_to("mm")
        return Box.around(prompts.points.points.xyz.numpy()), room
    boxes = prompts.boxes if prompts.mask is None else (mask_box(prompts.mask),)
    whole = Box.around(np.concatenate([box.corners() for box in boxes]))
    return whole, max(_ROOM * max(whole.size), 3 * max(grid.spacing))


def _coarser(grid: Grid) -> Grid:
    """The same part with at most so many voxels as can be solved for."""
    excess = float(np.prod(grid.shape)) / _MOST
    if excess <= 1:
        return grid
    wanted = (excess * grid.voxel_volume) ** (1 / 3)
    return grid.with_spacing([max(wanted, spacing) for spacing in grid.spacing])


def _on(image: Volume, grid: Grid) -> NDArray[np.float64]:
    smooth = Volume(image.data.float(), image.grid, image.name)
    data = warp(smooth, Affine.identity(), onto=grid).data[0].double().numpy()
    low, high = np.quantile(data, _RANGE)  # scikit-image's beta is for values from 0 to 1
    return np.asarray(np.clip((data - low) / max(high - low, 1e-9), 0, 1))


def _seeds(prompts: Prompts, grid: Grid, model: str) -> NDArray[np.int32]:
    if prompts.points is not None:
        return _of_points(prompts.points, grid, model)
    if prompts.boxes:
        return _of_boxes(prompts.boxes, grid)
    return _of_mask(mask_on(given_mask(prompts, model), grid)[0], grid)


def _of_points(points: PointPrompt, grid: Grid, model: str) -> NDArray[np.int32]:
    seeds = np.zeros(grid.shape, np.int32)
    inside, outside = point_voxels(points, grid, model)
    if not len(outside):
        seeds[:] = _OUTSIDE
        seeds[tuple(slice(1, -1) for _ in grid.shape)] = 0
    seeds[tuple(outside.T.numpy())] = _OUTSIDE
    seeds[tuple(inside.T.numpy())] = _INSIDE
    return seeds


def _of_boxes(boxes: tuple[Box, ...], grid: Grid) -> NDArray[np.int32]:
    """The core of each box, an ellipsoid, is inside; what is in none of them is outside."""
    points = grid.world_points().numpy()
    seeds = np.full(grid.shape, _OUTSIDE, np.int32)
    half = max(grid.spacing) / 2
    for box in boxes:
        reach = np.maximum(np.asarray(box.size) / 2, half)
        away = np.abs(points - np.asarray(box.centre)) / reach
        seeds[(away <= 1).all(axis=-1)] = 0
    for box in boxes:
        seeds[_middle(box, grid)] = _INSIDE
        reach = np.maximum(np.asarray(box.size) / 2 * _CORE, 1e-6)
        away = (points - np.asarray(box.centre)) / reach
        seeds[np.square(away).sum(axis=-1) <= 1] = _INSIDE
    return seeds


def _middle(box: Box, grid: Grid) -> tuple[int, ...]:
    index = grid.to_index(torch.tensor(box.centre, dtype=torch.float64)).round().long()
    top = torch.tensor(grid.shape) - 1
    return tuple(torch.minimum(index.clamp(min=0), top).tolist())


def _of_mask(mask: Tensor, grid: Grid) -> NDArray[np.int32]:
    inside = mask.numpy() > 0.5
    if not inside.any():
        inside = mask.numpy() >= max(float(mask.max()), 1e-6)
    depth = ndimage.distance_transform_edt(inside, sampling=grid.spacing)
    away = ndimage.distance_transform_edt(~inside, sampling=grid.spacing)
    certain = _CERTAIN * depth.max()
    seeds = np.zeros(grid.shape, np.int32)
    seeds[depth > certain] = _INSIDE
    seeds[away > max(certain, 1.5 * max(grid.spacing))] = _OUTSIDE
    return seeds


def _walked(data: NDArray[np.float64], seeds: NDArray[np.int32], grid: Grid) -> Tensor:
    """The probability of each voxel to belong to the inside."""
    if not (seeds == 0).any() or not np.ptp(data) > 0 or not (seeds == _OUTSIDE).any():
        return torch.from_numpy((seeds == _INSIDE).astype(np.float32))
    solver: Any = require("skimage.segmentation", extra="segment").random_walker
    options = {"beta": _BETA, "mode": "cg_j", "tol": _TOLERANCE, "return_full_prob": True}
    found = solver(data, seeds, spacing=grid.spacing, **options)
    return torch.from_numpy(np.asarray(found[0], np.float32)).clamp(0, 1)
