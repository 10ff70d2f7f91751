"""SliceWise: a model of pictures as a segmenter of volumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foundation.prompts import PromptKind, Prompts
from foundation.segmenters.given import check_one_channel, given_image
from foundation.segmenters.lattice import resample_to_grid
from foundation.segmenters.segmenter import Capabilities, Segmentation, UnsupportedPromptError
from foundation.segmenters.slices.in_slices import SlicedPrompts, prompts_in_slices
from foundation.segmenters.slices.slice_model import SliceModel, SlicePrompts
from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.resample import warp
from regkit.transforms import Affine
from regkit.volume import Volume

_RANGE = (0.005, 0.995)  # of intensities, to 0 and 1


@dataclass
class SliceWise:
    """Slices are cut across the longest side of the voxels, the last of equals in RAS order.

    A mask shows each of its slices what to segment. A box shows its middle slice, a box in one
    slice its own, points theirs; from there the result goes on to both sides, each slice being
    shown what was found in the one before, until nothing is found, the box ends, or the image.

    Parameters
    ----------
    model
        Of pictures.
    carry
        How a slice is shown what was found in the one before: by its box, its mask, or both.
    """

    model: SliceModel
    carry: tuple[PromptKind, ...] = (PromptKind.BOX,)
    image: Volume | None = None
    _seen: Volume | None = None
    _embeddings: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        strange = [kind.value for kind in self.carry if kind not in self.model.capabilities.kinds]
        if strange or not {PromptKind.BOX, PromptKind.MASK} >= set(self.carry) or not self.carry:
            raise InputError(
                f"{self.name}: results are carried on by box or mask, as far as the model takes "
                f"them, not by {', '.join(kind.value for kind in self.carry) or 'nothing'}"
            )

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
        self._seen = Volume(((data - low) / (high - low)).clamp(0, 1), grid, image.name)
        self.image, self._embeddings = image, {}

    def segment(self, prompts: Prompts) -> Segmentation:
        """Segment what the prompt shows.

        Raises
        ------
        UnsupportedPromptError
            If the model does not take it, or several are given.
        InputError
            If no image was set, or the prompt holds nothing that lies in it.
        """
        image, seen = given_image(self.image, self.name), given_image(self._seen, self.name)
        self.capabilities.check(prompts, self.name)
        if prompts.kinds == (PromptKind.NONE,):
            raise UnsupportedPromptError(f"{self.name} needs a prompt; give one")
        told = prompts_in_slices(prompts, seen.grid, self.name)
        chance = torch.zeros(seen.grid.shape)
        for number, found in self._walk(told, seen):
            chance[..., number] = torch.maximum(chance[..., number], found)
        whole = Volume(chance[None], seen.grid, image.name)
        onto = warp(whole, Affine.identity(), onto=image.grid)
        return Segmentation.of(onto, _details(told, chance))

    def reset(self) -> None:
        """Forget the image and its embeddings."""
        self.image, self._seen, self._embeddings = None, None, {}

    def _walk(self, told: SlicedPrompts, seen: Volume) -> Iterator[tuple[int, Tensor]]:
        """Slices and what is found in them: those of the prompt, and from each to both sides."""
        for key in told.keys:
            found = self._predict(key, told.of[key], seen)
            yield key, found
            for step in (-1, 1) if told.propagate else ():
                yield from self._propagate(key, step, found, told, seen)

    def _propagate(
        self, key: int, step: int, found: Tensor, told: SlicedPrompts, seen: Volume
    ) -> Iterator[tuple[int, Tensor]]:
        number = key + step
        while number in told.reach and number not in told.keys and bool((found > 0.5).any()):
            shown = prompts_from_slice(found, self.carry)
            clicks = told.of.get(number)
            if clicks is not None:  # places outside, that were given in this slice
                shown = replace(shown, points=clicks.points, positive=clicks.positive)
            found = self._predict(number, shown, seen)
            yield number, found
            number += step

    def _predict(self, number: int, prompts: SlicePrompts, seen: Volume) -> Tensor:
        if number not in self._embeddings:
            self._embeddings[number] = self.model.embed(seen.data[0, ..., number])
        return self.model.predict(self._embeddings[number], prompts)


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


def prompts_from_slice(found: Tensor, carry: tuple[PromptKind, ...]) -> SlicePrompts:
    """Return what a slice is shown of the result ``found (H, W)`` in the one before it.

    Parameters
    ----------
    found
        Probabilities, somewhere above one half.
    carry
        Box, mask or both.
    """
    inside = torch.nonzero(found > 0.5).float()
    box = torch.stack([inside.amin(0), inside.amax(0)])
    return SlicePrompts(
        box=box if PromptKind.BOX in carry else None,
        mask=found if PromptKind.MASK in carry else None,
    )


def _details(told: SlicedPrompts, chance: Tensor) -> Mapping[str, Any]:
    there = torch.nonzero((chance > 0.5).any(0).any(0)).flatten().tolist()
    return {
        "slices": chance.shape[-1],
        "prompted_slices": list(told.keys),
        "found_slices": [there[0], there[-1]] if there else [],
    }
