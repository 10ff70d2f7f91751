"""SliceWise: a model of pictures as a segmenter of volumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foundation.prompts import PromptKind, Prompts
from foundation.segmenters.given import check_one_channel, given_image
from foundation.segmenters.lattice import resample_to_grid
from foundation.segmenters.segmenter import Capabilities, Segmentation, UnsupportedPromptError
from foundation.segmenters.slices.in_slices import SlicedPrompts, prompts_in_slices
from foundation.segmenters.slices.seen_slices import SeenSlices
from foundation.segmenters.slices.slice_model import SliceFollower
from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.resample import warp
from regkit.transforms import Affine
from regkit.volume import Volume

_RANGE = (0.005, 0.995)  # of intensities, to 0 and 1


@dataclass
class SliceWise:
    """Slices are cut across the longest side of the voxels, the last of equals in RAS order.

    A box shows its middle slice, a box in one slice its own, points and a mask in single slices
    theirs; from there the model follows the structure to both sides, until nothing is found, the
    box ends, or the image. A mask in neighbouring slices ends where it ends: it shows each of them,
    or, where the model says so, that which holds most of it.

    Parameters
    ----------
    model
        Of pictures; one of single pictures is given as ``SliceCarrier(model)``.
    """

    model: SliceFollower
    image: Volume | None = None
    _slices: SeenSlices | None = None

    @property
    def name(self) -> str:
        """That of the model."""
        return self.model.name

    @property
    def capabilities(self) -> Capabilities:
        """Those of the model; where it takes boxes, boxes of one slice too."""
        own = self.model.capabilities
        more = (PromptKind.SLICE_BOX,) if PromptKind.BOX in own.kinds else ()
        return replace(own, kinds=(*own.kinds, *more), combinable=False)

    def set_image(self, image: Volume) -> None:
        """Take a 3-D image of one channel ``(1, i, j, k)``.

        Raises
        ------
        InputError
            If it is another, or has no contrast.
        """
        check_one_channel(image, self.name)
        grid = slice_grid(image.grid)
        data = resample_to_grid(image, grid)
        low, high = (float(np.quantile(data.numpy(), q)) for q in _RANGE)
        if not high > low:
            raise InputError(f"{image.name or 'image'}: {self.name} needs an image with contrast")
        seen = Volume(((data - low) / (high - low)).clamp(0, 1), grid, image.name)
        self.image, self._slices = image, SeenSlices(seen, self.model.embed)

    def segment(self, prompts: Prompts) -> Segmentation:
        """Segment what the prompt shows.

        Raises
        ------
        UnsupportedPromptError
            If the model does not take it, or several are given.
        InputError
            If no image was set, or the prompt holds nothing that lies in it.
        """
        image, slices = given_image(self.image, self.name), given_image(self._slices, self.name)
        self.capabilities.check(prompts, self.name)
        if prompts.kinds == (PromptKind.NONE,):
            raise UnsupportedPromptError(f"{self.name} needs a prompt; give one")
        grid = slices.volume.grid
        told = self.model.choose(prompts_in_slices(prompts, grid, self.name))
        chance = torch.zeros(grid.shape)
        for number, found in self._walk(told, slices):
            chance[..., number] = torch.maximum(chance[..., number], found)
        whole = Volume(chance[None], grid, image.name)
        onto = warp(whole, Affine.identity(), onto=image.grid)
        return Segmentation.of(onto, _details(told, chance, self.model.follows_by))

    def reset(self) -> None:
        """Forget the image and its embeddings."""
        self.image, self._slices = None, None

    def _walk(self, told: SlicedPrompts, slices: SeenSlices) -> Iterator[tuple[int, Tensor]]:
        """Slices and what is found in them, from each of the prompt to both sides."""
        along = self.model.begin(told, slices)
        for key in told.keys:
            for path in told.paths(key):
                for number, found in zip(path, along(path), strict=True):
                    yield number, found
                    if not bool((found > 0.5).any()):
                        break


def slice_grid(grid: Grid) -> Grid:
    """Store a grid so that its slices lie along the last axis, and their pixels are square.

    Parameters
    ----------
    grid
        Of an image.
    """
    whole = grid.reoriented("RAS") if grid.world.anatomical else grid
    across = 2 - int(np.argmax(np.round(whole.spacing[::-1], 6)))
    order = [axis for axis in range(3) if axis != across] + [across]
    step = np.eye(4)[:, [*order, 3]]
    turned = whole.placed([whole.shape[axis] for axis in order], whole.affine @ step)
    fine = min(turned.spacing[:2])
    return turned.with_spacing([fine, fine, turned.spacing[2]])


def _details(told: SlicedPrompts, chance: Tensor, follows_by: str) -> Mapping[str, Any]:
    there = torch.nonzero((chance > 0.5).any(0).any(0)).flatten().tolist()
    return {
        "slices": chance.shape[-1],
        "prompted_slices": list(told.keys),
        "followed_by": follows_by if told.propagate else "nothing",
        "found_slices": [there[0], there[-1]] if there else [],
    }
