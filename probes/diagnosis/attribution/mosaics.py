"""Mosaics: images put together from pieces of the user's own, so that it is known what counts.

As in Arias-Duart et al. 2022 ("Focus!"): a mosaic has pieces of a class beside pieces of others.
The truth about it is the exact Shapley value of every piece, of the user's own model, against the
same absent image that the methods take.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probes.diagnosis.attribution.explained import (
    ExplainedModel,
    MapQuestion,
    cells,
    partial_answers,
    spread_over,
    subsets,
)
from regkit.errors import InputError

_TRIES = 6  # candidates for each mosaic that is wanted
Pieces = Callable[[Tensor, int], Tensor]
"""An image ``(C, *spatial)`` and the number of a quarter to what is put there, as ``image``."""


@dataclass(frozen=True, eq=False)
class Mosaics:
    """Images of pieces, of which a model recognises those of the class that is asked for.

    Parameters
    ----------
    images
        ``(N, C, *spatial)``.
    targets
        ``(N, 2)``: the class that is explained, and another one.
    masks
        ``(N, *spatial)``: where the pieces of the first class are.
    tried
        How many were put together; of the others the model does not recognise that piece most.
    """

    images: Tensor
    targets: Tensor
    masks: Tensor
    tried: int

    def __len__(self) -> int:
        return len(self.images)


def shapley_truth(asked: MapQuestion) -> Tensor:
    """Return the exact Shapley value of each quarter (each eighth in 3-D), spread over it."""
    grid = cells(tuple(asked.images.shape[2:]), 2)
    return spread_over(_shapley(asked.model, asked.images, asked.targets, grid), grid)


def _shapley(model: ExplainedModel, images: Tensor, targets: Tensor, grid: Tensor) -> Tensor:
    """``(N, T, pieces)``."""
    count = int(grid.max()) + 1
    parts = subsets(count)
    answers = partial_answers(model, images, parts[:, grid])
    chosen = answers.gather(2, targets[:, None].expand(-1, len(parts), -1))
    weights = torch.tensor([_weights(row, count) for row in parts.int().tolist()])
    return torch.einsum("nst,sp->ntp", chosen, weights)


def _weights(row: Sequence[int], count: int) -> list[float]:
    """The weight of the answer to one subset in the value of each part."""
    size = sum(row)
    whole = factorial(count)
    with_it = factorial(max(size - 1, 0)) * factorial(count - size) / whole
    without = factorial(size) * factorial(max(count - size - 1, 0)) / whole
    return [with_it if there else -without for there in row]


def crop_piece(image: Tensor, quarter: int) -> Tensor:
    """Return the piece of an image ``(C, *spatial)`` that lies in a quarter, where it lies."""
    return image


def shrink_piece(image: Tensor, quarter: int) -> Tensor:
    """Return the whole image ``(C, *spatial)`` at half its size, in every quarter alike."""
    ndim = image.ndim - 1
    half = torch.nn.functional.interpolate(
        image[None].float(), tuple((size + 1) // 2 for size in image.shape[1:]), mode="area"
    )[0]
    tiled = half.repeat(1, *[2] * ndim)
    return tiled[(slice(None), *(slice(0, size) for size in image.shape[1:]))]


def mosaics(
    model: ExplainedModel,
    images: Tensor,
    labels: NDArray[np.bool_],
    count: int,
    *,
    pieces: Pieces,
    fills: bool,
    generator: np.random.Generator,
) -> Mosaics:
    """Put mosaics together until there are enough that the model recognises.

    Parameters
    ----------
    model
        What will be explained.
    images
        ``(N, C, *spatial)``: those of which the model says the right thing.
    labels
        ``(N, K)``: which classes are in each.
    count
        How many are wanted.
    pieces
        :func:`crop_piece` or :func:`shrink_piece`.
    fills
        Whether all pieces are of the class; one of them otherwise.
    generator
        Draws the images.

    Raises
    ------
    InputError
        If fewer than two classes have images, or the model recognises fewer than two mosaics.
    """
    grid = cells(tuple(images.shape[2:]), 2)
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    tried = 0
    while len(found) < count and tried < _TRIES * count:
        some = [
            _drawn(images, labels, grid, pieces, fills, generator, tried + n) for n in range(count)
        ]
        tried += count
        shown, targets, own = (torch.stack(each) for each in zip(*some, strict=True))
        values = _shapley(model, shown, targets[:, :1], grid)[:, 0]
        for number, good in enumerate(_recognised(values, own)):
            if good:
                found.append((shown[number], targets[number], own[number][grid]))
    if len(found) < 2:
        raise InputError(
            f"of {tried} mosaics the model recognises {len(found)}: nothing is known of what "
            "counts in them; try the other kind of pieces"
        )
    shown, targets, masks = (torch.stack(each) for each in zip(*found[:count], strict=True))
    return Mosaics(shown, targets, masks, tried)


def _recognised(values: Tensor, own: Tensor) -> Tensor:
    """Whether a piece of the class counts most, and all of them speak for it."""
    best = values.argmax(1, keepdim=True)
    speaks = ((values * own).sum(1) > 0) & (values.amax(1) > 0)
    return own.gather(1, best)[:, 0] & speaks


def _drawn(
    images: Tensor,
    labels: NDArray[np.bool_],
    grid: Tensor,
    pieces: Pieces,
    fills: bool,
    generator: np.random.Generator,
    number: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """A mosaic, its two classes, and which of its pieces are of the first."""
    classes = np.nonzero(labels.any(0) & ~labels.all(0))[0]
    if len(classes) < 2:
        raise InputError(
            "attribution needs images of two classes at least of which the model is right; there "
            f"are {len(classes)}"
        )
    target = int(classes[number % len(classes)])
    count = int(grid.max()) + 1
    own = np.ones(count, bool) if fills else np.arange(count) == generator.integers(count)
    sides = {side: np.nonzero(labels[:, target] == side)[0] for side in (True, False)}
    donors = [int(generator.choice(sides[bool(each)])) for each in own]
    mosaic = torch.zeros_like(images[0])
    for quarter, donor in enumerate(donors):
        mosaic = torch.where(grid == quarter, pieces(images[donor], quarter), mosaic)
    beside = labels[[donor for donor, each in zip(donors, own, strict=True) if not each]].any(0)
    others = np.nonzero(beside if beside.any() else labels.any(0))[0]
    other = int(generator.choice(others[others != target]))
    return mosaic, torch.tensor([target, other]), torch.from_numpy(own)
