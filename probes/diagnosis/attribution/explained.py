"""ExplainedModel: a model with what is absent means to it; and images with parts of them absent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import torch
from torch import Generator, Tensor, nn

from probes.images.bands import Bands
from probes.images.batch import Batch
from probes.images.samples import Predict
from probes.reliance.filters import gaussian_blur
from regkit.errors import InputError

Absent = Callable[[Tensor], Tensor]
"""Images ``(B, C, *spatial)`` to what they would be with nothing in them, of the same shape."""
_BLUR = 0.1  # of the shorter side


@dataclass(frozen=True, eq=False)
class ExplainedModel:
    """A model that is explained; images are on the scale that it was trained with.

    Parameters
    ----------
    predict
        Images ``(B, C, *spatial)`` to logits ``(B, K)``.
    absent
        What images are where something is taken away.
    module
        The same as ``predict``, as a network whose inside is known; None where it is not.
    layer
        The layer that Grad-CAM looks at; the last one that gives maps if None.
    batch_size
        Images that are shown at once.
    samples
        How many images with random parts absent LIME asks about.
    """

    predict: Predict
    absent: Absent
    module: nn.Module | None = None
    layer: str | None = None
    batch_size: int = 64
    samples: int = 128

    def required_module(self, method: str) -> nn.Module:
        """Return the network.

        Raises
        ------
        InputError
            If its inside is not known.
        """
        if self.module is None:
            raise InputError(
                f"{method} needs the layers of a network; give the model as timm:NAME=FILE, or as "
                "python=MODULE:FUNCTION that returns a torch module"
            )
        return self.module


@dataclass(frozen=True, eq=False)
class MapQuestion:
    """What a method of attribution is asked for: a map for each image and class.

    Parameters
    ----------
    model
        What is explained.
    images
        ``(N, C, *spatial)``, on the scale of the model.
    targets
        ``(N, T)``: classes.
    generator
        Draws what is random, where a method draws.
    """

    model: ExplainedModel
    images: Tensor
    targets: Tensor
    generator: Generator


AttributionMethod = Callable[[MapQuestion], Tensor]
"""Makes maps ``(N, T, *spatial)``. Methods that take layers apart refuse a model whose inside is
not known, or does what they have no rule for, by an :class:`~regkit.errors.InputError`.
"""


def mean_absent(bands: Bands) -> Absent:
    """Return the mean of each band over the data set as what is absent."""
    return lambda images: bands.along(bands.mean, images).expand_as(images)


def blur_absent(bands: Bands) -> Absent:
    """Return the image itself, blurred by a tenth of its shorter side, as what is absent."""

    def blurred(images: Tensor) -> Tensor:
        return gaussian_blur(Batch(images, bands), _BLUR, Generator()).images

    return blurred


@torch.no_grad()
def answers_of(model: ExplainedModel, images: Tensor) -> Tensor:
    """Ask about images, ``(N, C, *spatial)``; the logits are ``(N, K)``.

    Raises
    ------
    InputError
        If there is no row of at least two finite logits an image.
    """
    found = torch.cat(
        [model.predict(own).detach().float() for own in images.split(model.batch_size)]
    )
    if found.ndim != 2 or len(found) != len(images) or found.shape[1] < 2:
        raise InputError(
            f"the model returns {tuple(found.shape)} for {len(images)} images; attribution needs "
            "one logit a class, two at least"
        )
    if not bool(found.isfinite().all()):
        raise InputError("the model returns answers that are not finite numbers")
    return found


@torch.no_grad()
def partial_answers(model: ExplainedModel, images: Tensor, kept: Tensor) -> Tensor:
    """Ask about images of which only a part is there.

    Parameters
    ----------
    model
        What is asked.
    images
        ``(N, C, *spatial)``.
    kept
        ``(M, *spatial)`` or ``(N, M, *spatial)``: what is there, true or false.

    Returns
    -------
    Tensor
        ``(N, M, K)``.
    """
    rows = []
    for number, (image, absent) in enumerate(zip(images, model.absent(images), strict=True)):
        own = kept[number] if kept.ndim == images.ndim else kept
        rows.append(
            torch.cat([
                answers_of(model, torch.where(some[:, None], image, absent))
                for some in own.split(model.batch_size)
            ])
        )  # fmt: skip
    return torch.stack(rows)


def cells(shape: tuple[int, ...], count: int) -> Tensor:
    """Number the cells of a grid over an image.

    Parameters
    ----------
    shape
        Of the image.
    count
        Cells along each axis.

    Returns
    -------
    Tensor
        ``shape``, whole numbers from 0.

    Raises
    ------
    InputError
        If an axis is shorter than that.

    Examples
    --------
    >>> cells((2, 4), 2).tolist()
    [[0, 0, 1, 1], [2, 2, 3, 3]]
    """
    if min(shape) < count:
        raise InputError(
            f"images of {'x'.join(map(str, shape))} have no {count} cells along each axis; "
            "give the data set a larger size"
        )
    found = torch.zeros(shape, dtype=torch.long)
    for axis, size in enumerate(shape):
        line = torch.arange(size) * count // size
        found = found * count + line.reshape(-1, *[1] * (len(shape) - 1 - axis))
    return found


def cell_sums(maps: Tensor, grid: Tensor) -> Tensor:
    """Sum maps ``(N, *spatial)`` over the cells of a grid ``(*spatial)``; they are ``(N, cells)``.

    Examples
    --------
    >>> cell_sums(torch.ones(1, 2, 4), cells((2, 4), 2)).tolist()
    [[2.0, 2.0, 2.0, 2.0]]
    """
    sums = maps.new_zeros(len(maps), int(grid.max()) + 1)
    return sums.index_add_(1, grid.flatten(), maps.flatten(1))


def spread_over(values: Tensor, grid: Tensor) -> Tensor:
    """Spread one value a cell evenly over its voxels, so that sums stay the same.

    Parameters
    ----------
    values
        ``(..., cells)``.
    grid
        ``(*spatial)``.

    Examples
    --------
    >>> spread_over(torch.tensor([4.0, 8.0]), torch.tensor([0, 0, 1, 1])).tolist()
    [2.0, 2.0, 4.0, 4.0]
    """
    sizes = grid.flatten().bincount().to(values)
    found: Tensor = (values / sizes)[..., grid]
    return found


def subsets(count: int) -> Tensor:
    """List all subsets of so many parts, ``(2 ** count, count)``, true where a part is in it."""
    return torch.tensor(list(product((False, True), repeat=count)))
