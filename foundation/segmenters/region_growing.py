"""Region growing: all that touches the seeds and is about as bright."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk  # noqa: N813 - what everyone calls it
import torch
from torch import Tensor

from foundation.prompts import PromptKind, Prompts
from foundation.segmenters.given import given_image
from foundation.segmenters.lines import scribbles_as_points
from foundation.segmenters.seeds import seed_voxels
from foundation.segmenters.segmenter import Capabilities, Segmentation
from regkit.errors import InputError
from regkit.volume import Volume

_CAPABILITIES = Capabilities((PromptKind.POINTS, PromptKind.SCRIBBLES, PromptKind.MASK))
_MULTIPLIERS = (2.5, 2.0, 1.5, 1.0, 0.5)  # the first is ITK's default
_ITERATIONS = 2
_RADIUS = 1  # voxels around a seed whose brightness counts at first


def open_region_growing(path: Path | None) -> RegionGrowing:
    """A homogeneous region around the prompt, by ITK's confidence connected filter.

    Parameters
    ----------
    path
        Not needed: it has no weights.

    Raises
    ------
    InputError
        If a path is given.
    """
    if path is not None:
        raise InputError(f"model region-growing={path}: it has no weights; write the name alone")
    return RegionGrowing()


@dataclass
class RegionGrowing:
    """What touches the seeds, within a multiple of the standard deviation around their mean.

    It starts at positive points or scribbles, or at the innermost voxel of a mask. Negative ones
    make the multiple smaller until none of them lies in the region.
    """

    name: str = "region-growing"
    capabilities: Capabilities = _CAPABILITIES
    image: Volume | None = None

    def set_image(self, image: Volume) -> None:
        """Take an image of one channel ``(1, i, j, k)``.

        Raises
        ------
        InputError
            If it has several.
        """
        if image.channels != 1:
            raise InputError(f"{image.name}: {image.channels} channels; {self.name} takes one")
        self.image = image

    def segment(self, prompts: Prompts) -> Segmentation:
        """Grow a region on the grid of the image.

        Raises
        ------
        UnsupportedPromptError
            If something else than points, scribbles or a mask is given, or no place inside.
        InputError
            If no image was set, or the prompt lies outside it.
        """
        image = given_image(self.image, self.name)
        self.capabilities.check(prompts, self.name)
        given = scribbles_as_points(prompts, image.grid)
        inside, outside = seed_voxels(given, image.grid, self.name)
        region, multiplier = _grown(image.data[0].float(), inside, outside)
        details = {"seeds": inside.tolist(), "multiplier": multiplier}
        return Segmentation.of(Volume(region[None].float(), image.grid, image.name), details)

    def reset(self) -> None:
        """Forget the image."""
        self.image = None


def _grown(data: Tensor, inside: Tensor, outside: Tensor) -> tuple[Tensor, float]:
    for multiplier in _MULTIPLIERS:
        region = _region(data, inside, multiplier)
        if not bool(region[tuple(outside.T)].any()):
            break
    region[tuple(outside.T)] = False
    return region, multiplier


def _region(data: Tensor, seeds: Tensor, multiplier: float) -> Tensor:
    grow: Any = sitk.ConfidenceConnected  # it has no types
    found = grow(
        sitk.GetImageFromArray(data.numpy()),
        seedList=[seed[::-1] for seed in seeds.tolist()],  # ITK counts the last axis first
        numberOfIterations=_ITERATIONS,
        multiplier=multiplier,
        initialNeighborhoodRadius=_RADIUS,
        replaceValue=1,
    )
    return torch.from_numpy(sitk.GetArrayFromImage(found)) > 0
