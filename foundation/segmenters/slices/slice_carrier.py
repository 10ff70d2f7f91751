"""SliceCarrier: a model of single pictures that is shown what was found in the slice before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from foundation.prompts import PromptKind
from foundation.segmenters.segmenter import Capabilities
from foundation.segmenters.slices.in_slices import SlicedPrompts
from foundation.segmenters.slices.seen_slices import SeenSlices
from foundation.segmenters.slices.slice_model import SliceModel, SlicePrompts, Walk
from regkit.errors import InputError


@dataclass(frozen=True)
class SliceCarrier:
    """A model of single pictures, as one that follows a structure from slice to slice.

    Parameters
    ----------
    model
        Of pictures.
    carry
        How a slice is shown what was found in the one before: by its box, its mask, or both.
    """

    model: SliceModel
    carry: tuple[PromptKind, ...] = (PromptKind.BOX,)

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
        """Those of the model."""
        return self.model.capabilities

    @property
    def follows_by(self) -> str:
        """The kinds of ``carry``."""
        return " and ".join(kind.value for kind in self.carry)

    def embed(self, picture: Tensor) -> Any:
        """Return what the model computes of a picture ``(H, W)`` from 0 to 1."""
        return self.model.embed(picture)

    def choose(self, told: SlicedPrompts) -> SlicedPrompts:
        """Return all slices that a prompt shows."""
        return told

    def begin(self, told: SlicedPrompts, slices: SeenSlices) -> Walk:
        """Segment the slices of a prompt, and return what goes on from each.

        Parameters
        ----------
        told
            What slices are told.
        slices
            Of the image.
        """
        first = {key: self.model.predict(slices[key], told.of[key]) for key in told.keys}
        return partial(self._along, told, slices, first)

    def _along(
        self, told: SlicedPrompts, slices: SeenSlices, first: dict[int, Tensor], path: range
    ) -> Iterator[Tensor]:
        found = first[path[0]]
        yield found
        for number in path[1:]:
            shown = prompts_from_slice(found, self.carry)
            clicks = told.of.get(number)
            if clicks is not None:  # places outside, that were given in this slice
                shown = replace(shown, points=clicks.points, positive=clicks.positive)
            found = self.model.predict(slices[number], shown)
            yield found


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
