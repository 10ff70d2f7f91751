"""What models of 2-D pictures owe, to be used on volumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor

from foundation.segmenters.segmenter import Capabilities

if TYPE_CHECKING:
    from foundation.segmenters.slices.in_slices import SlicedPrompts
    from foundation.segmenters.slices.seen_slices import SeenSlices

Walk = Callable[[range], Iterator[Tensor]]
"""Slices one after the other, the first of them prompted, to the probability in each ``(H, W)``."""


@dataclass(frozen=True, eq=False)
class SlicePrompts:
    """What a model is told of one slice ``(H, W)``; places count pixels, (row, column).

    Parameters
    ----------
    points
        ``(N, 2)`` float.
    positive
        ``(N,)`` boolean, False for a place that is outside.
    box
        ``(2, 2)`` float: the lowest and the highest row and column that belong to it.
    mask
        ``(H, W)`` float from 0 to 1.
    """

    points: Tensor | None = None
    positive: Tensor | None = None
    box: Tensor | None = None
    mask: Tensor | None = None


class SliceEncoder(Protocol):
    """What every model of pictures has."""

    @property
    def name(self) -> str:
        """What messages and tables call it."""

    @property
    def capabilities(self) -> Capabilities:
        """The kinds among points, box and mask that it takes, and what is known of its weights."""

    def embed(self, picture: Tensor) -> Any:
        """Return what the model computes of a picture ``(H, W)`` from 0 to 1, once."""


class SliceModel(SliceEncoder, Protocol):
    """A promptable model of single pictures; ``SliceCarrier`` takes it from slice to slice."""

    def predict(self, embedding: Any, prompts: SlicePrompts) -> Tensor:
        """Return the probability of the structure, ``(H, W)`` from 0 to 1.

        Parameters
        ----------
        embedding
            Of the picture.
        prompts
            At least one of those that it takes.
        """


class SliceFollower(SliceEncoder, Protocol):
    """A promptable model that follows a structure from slice to slice."""

    @property
    def follows_by(self) -> str:
        """What it knows of the slices before, for the record."""

    def choose(self, told: SlicedPrompts) -> SlicedPrompts:
        """Return of the slices that a prompt shows those that it is to be told."""

    def begin(self, told: SlicedPrompts, slices: SeenSlices) -> Walk:
        """Look at the slices of a prompt, and return what follows the structure from each.

        Parameters
        ----------
        told
            As :meth:`choose` returned it.
        slices
            Of the image.
        """
