"""Judging maps of attribution on mosaics: those of methods, of the truth and of noise alike."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from probes.diagnosis.attribution.explained import (
    AttributionMethod,
    ExplainedModel,
    MapQuestion,
    answers_of,
    cell_sums,
    cells,
    partial_answers,
)
from probes.diagnosis.attribution.metrics import (
    ATTRIBUTION_METRICS,
    average_sensitivity,
    complexity,
    faithfulness_estimate,
    infidelity,
    local_lipschitz,
    rank_correlation,
    relevance_mass,
    relevance_rank,
    sparseness,
)
from probes.diagnosis.attribution.mosaics import Mosaics

_CELLS = 7  # along each axis: other ones than those of the methods
_SUBSETS = 64
_NOISE = 0.05  # of the spread of a band
Scores = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class MosaicTrial:
    """All that a model says of mosaics and is asked once, whatever maps are judged by it.

    Parameters
    ----------
    model, mosaics
        Who is asked about what.
    grid
        ``(*spatial)``: cells that are taken away.
    drops
        ``(N, cells)``: how far the logit falls without each of them.
    taken
        ``(M, cells)``: random subsets that are taken away.
    subset_drops
        ``(N, M)``.
    moved
        ``(D, N, C, *spatial)``: the mosaics with a little noise.
    shuffled
        Networks whose weights are shuffled, more of them in each.
    seed
        Of the methods that draw.
    """

    model: ExplainedModel
    mosaics: Mosaics
    grid: Tensor
    drops: Tensor
    taken: Tensor
    subset_drops: Tensor
    moved: Tensor
    shuffled: Sequence[nn.Module]
    seed: int


def noise_maps(asked: MapQuestion) -> Tensor:
    """White noise that depends on the image alone: neither on the model nor on the class."""
    found = []
    for image in asked.images:
        own = Generator().manual_seed(zlib.crc32(image.contiguous().numpy().tobytes()))
        found.append(torch.randn(image.shape[1:], generator=own))
    repeats = (1, asked.targets.shape[1], *[1] * (asked.images.ndim - 2))
    return torch.stack(found)[:, None].repeat(repeats)


def trial(
    model: ExplainedModel, mosaics: Mosaics, spread: Tensor, *, draws: int, seed: int
) -> MosaicTrial:
    """Ask a model all that the metrics need, but for the maps themselves.

    Parameters
    ----------
    model, mosaics
        Who is asked about what.
    spread
        ``(C,)``: the standard deviation of each band.
    draws
        How often noise is added to an image.
    seed
        Of everything that is drawn.

    Raises
    ------
    InputError
        If images are too small, or the model cannot take them.
    """
    generator = Generator().manual_seed(seed)
    images, target = mosaics.images, mosaics.targets[:, :1]
    grid = cells(tuple(images.shape[2:]), _CELLS)
    count = int(grid.max()) + 1
    taken = torch.rand(_SUBSETS, count, generator=generator) < torch.rand(
        _SUBSETS, 1, generator=generator
    ).mul(0.8).add(0.1)
    every = torch.cat([torch.eye(count, dtype=torch.bool), taken])
    whole = answers_of(model, images)[:, None]
    fall = whole - partial_answers(model, images, ~every[:, grid])
    fall = fall.gather(2, target[:, None].expand(-1, len(every), -1))[..., 0]
    noise = torch.randn((draws, *images.shape), generator=generator)
    wide = (_NOISE * spread).reshape(-1, *[1] * (images.ndim - 2))
    shuffled = [] if model.module is None else list(shuffled_networks(model.module, generator))
    return MosaicTrial(
        model, mosaics, grid, fall[:, :count], taken, fall[:, count:], images + noise * wide,
        shuffled, seed,
    )  # fmt: skip


def shuffled_networks(network: nn.Module, generator: Generator) -> Iterator[nn.Module]:
    """Shuffle the weights of the last layer, of the last half of the layers, and of all layers.

    Each tensor of weights keeps its values, in another order.

    Parameters
    ----------
    network
        It stays as it is.
    generator
        Draws the orders.
    """
    names = [n for n, p in network.named_modules() if any(True for _ in p.parameters(False))]
    for count in (1, (len(names) + 1) // 2, len(names)):
        copied = deepcopy(network)
        chosen = set(names[-count:])
        for name, part in copied.named_modules():
            for own in part.parameters(False) if name in chosen else ():
                order = torch.randperm(own.numel(), generator=generator)
                own.data = own.data.flatten()[order].reshape(own.shape)
        yield copied


def judge(
    asked: MosaicTrial, method: AttributionMethod, on_step: Callable[[], None] = lambda: None
) -> tuple[Tensor, Scores]:
    """Make the maps of a method, and judge them by every metric.

    Parameters
    ----------
    asked
        What the model says of the mosaics.
    method
        Whose maps are judged.
    on_step
        Called after each pass over the mosaics.

    Returns
    -------
    maps, scores
        ``(N, 2, *spatial)`` of both classes, and ``(N,)`` for each metric; NaN where a metric is
        not defined. Without a network there is none of ``parameter-randomisation``.

    Raises
    ------
    InputError
        If the method does not suit the model.
    """
    images, targets = asked.mosaics.images, asked.mosaics.targets

    def explain(model: ExplainedModel, shown: Tensor, classes: Tensor, number: int) -> Tensor:
        draws = Generator().manual_seed(asked.seed + number)
        found = method(MapQuestion(model, shown, classes, draws))
        on_step()
        return found

    maps = explain(asked.model, images, targets, 0)
    own = maps[:, 0]
    moved = torch.stack([
        explain(asked.model, shown, targets[:, :1], number)[:, 0]
        for number, shown in enumerate(asked.moved, start=1)
    ])  # fmt: skip
    others = [
        explain(replace(asked.model, predict=net, module=net), images, targets[:, :1], 0)[:, 0]
        for net in asked.shuffled
    ]
    scores = map_scores(asked, own) | {
        "average-sensitivity": average_sensitivity(own, moved),
        "local-lipschitz": local_lipschitz(own, moved, _steps(asked)),
        "random-logit": rank_correlation(own, maps[:, 1]),
    }
    if others:
        each = torch.stack([rank_correlation(own, other) for other in others])
        scores["parameter-randomisation"] = each.mean(0)
    ordered = {name: scores[name] for name in ATTRIBUTION_METRICS if name in scores}
    return maps, {name: values.double().numpy() for name, values in ordered.items()}


def map_scores(asked: MosaicTrial, maps: Tensor) -> dict[str, Tensor]:
    """Judge maps by the metrics that need the maps of one class alone.

    Parameters
    ----------
    asked
        What the model says of the mosaics.
    maps
        ``(N, *spatial)``.
    """
    sums = cell_sums(maps, asked.grid)
    masks = asked.mosaics.masks
    return {
        "faithfulness-estimate": faithfulness_estimate(sums, asked.drops),
        "infidelity": infidelity(sums @ asked.taken.T.to(sums), asked.subset_drops),
        "relevance-mass": relevance_mass(maps, masks),
        "relevance-rank": relevance_rank(maps, masks),
        "sparseness": sparseness(maps),
        "complexity": complexity(maps),
    }


def _steps(asked: MosaicTrial) -> Tensor:
    images = asked.mosaics.images
    apart: Tensor = torch.linalg.vector_norm((asked.moved - images).flatten(2), dim=2)
    norm: Tensor = torch.linalg.vector_norm(images.flatten(1), dim=1)
    return apart / norm
