"""SliceModel: what a promptable model of 2-D pictures owes, to be used on volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from foundation.segmenters.segmenter import Capabilities


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


class SliceModel(Protocol):
    """A promptable model of pictures."""

    @property
    def name(self) -> str:
        """What messages and tables call it."""

    @property
    def capabilities(self) -> Capabilities:
        """The kinds among points, box and mask that it takes, and what is known of its weights."""

    def embed(self, picture: Tensor) -> Any:
        """Return what the model computes of a picture ``(H, W)`` from 0 to 1, once."""

    def predict(self, embedding: Any, prompts: SlicePrompts) -> Tensor:
        """Return the probability of the structure, ``(H, W)`` from 0 to 1.

        Parameters
        ----------
        embedding
            Of the picture.
        prompts
            At least one of those that it takes.
        """
