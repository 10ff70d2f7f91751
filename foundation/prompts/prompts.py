"""Prompts: what a segmenter is told of the structure that it should find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from foundation.prompts.box import Box
from foundation.prompts.kinds import PromptKind
from regkit.errors import InputError
from regkit.volume import Labels, Points, Volume


@dataclass(frozen=True, eq=False)
class PointPrompt:
    """Places that belong to the structure, or do not.

    Parameters
    ----------
    points
        ``(N, d)``, RAS+ world units.
    positive
        ``(N,)`` boolean: True for a place inside the structure, False for one outside. By default
        all are inside.

    Raises
    ------
    InputError
        If there is no point, or the signs do not match the points in number.

    Examples
    --------
    >>> PointPrompt(Points(torch.zeros(2, 3))).positive.tolist()
    [True, True]
    """

    points: Points
    positive: Tensor | None = None

    def __post_init__(self) -> None:
        given = [True] * len(self.points) if self.positive is None else self.positive
        signs = torch.as_tensor(given, dtype=torch.bool)
        if not len(self.points):
            raise InputError("a prompt of points holds none; give at least one")
        if signs.shape != (len(self.points),):
            raise InputError(
                f"{signs.numel()} signs for {len(self.points)} points; give one a point"
            )
        object.__setattr__(self, "positive", signs)


@dataclass(frozen=True, eq=False)
class SupportPair:
    """An image and its segmentation, from which a segmenter learns what is meant."""

    image: Volume
    labels: Labels


@dataclass(frozen=True, eq=False)
class Prompts:
    """What is known of one structure; all of it lies in the world, not on a model's own grid.

    Parameters
    ----------
    points
        Places inside and outside.
    boxes
        Boxes around it. One that has no extent along an axis is meant for one slice.
    scribbles
        Lines drawn by hand, each a sequence of places.
    mask
        ``(1, i, j, k)`` on any grid of the same world: 0 and 1, or the probability of belonging.
    text
        Names, as a text encoder takes them.
    classes
        Names of structures among those that a model knows.
    support
        Segmented examples.
    previous
        An earlier result, as ``mask``, to be refined.

    Examples
    --------
    >>> [kind.value for kind in Prompts(boxes=(Box((0, 0, 0), (9, 9, 9)),)).kinds]
    ['box']
    """

    points: PointPrompt | None = None
    boxes: tuple[Box, ...] = ()
    scribbles: tuple[PointPrompt, ...] = ()
    mask: Volume | None = None
    text: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    support: tuple[SupportPair, ...] = ()
    previous: Volume | None = None

    @property
    def kinds(self) -> tuple[PromptKind, ...]:
        """The kinds of prompts that are given, in the order of :class:`PromptKind`."""
        return tuple(self._given()) or (PromptKind.NONE,)

    def _given(self) -> Iterator[PromptKind]:
        flat = [min(box.size) == 0 for box in self.boxes]
        given = {
            PromptKind.POINTS: self.points is not None,
            PromptKind.BOX: not all(flat),
            PromptKind.SLICE_BOX: any(flat),
            PromptKind.SCRIBBLES: bool(self.scribbles),
            PromptKind.MASK: self.mask is not None,
            PromptKind.TEXT: bool(self.text),
            PromptKind.CLASSES: bool(self.classes),
            PromptKind.SUPPORT: bool(self.support),
            PromptKind.PREVIOUS: self.previous is not None,
        }
        return (kind for kind, present in given.items() if present)
