"""Ten metrics of maps of attribution in five categories, from what the papers say of them.

All take maps ``(N, *spatial)`` of N images and return ``(N,)``; what is not defined for a map, such
as one that is zero everywhere, is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Literal

import torch
from scipy.stats import rankdata
from torch import Tensor

MetricCategory = Literal[
    "faithfulness", "robustness", "localisation", "complexity", "randomisation"
]


@dataclass(frozen=True)
class AttributionMetric:
    """A metric.

    Parameters
    ----------
    name
        As tables have it.
    category
        What it judges.
    higher_is_better
        Its direction.
    about
        What it is, in one sentence.
    paper
        Where it is from.
    """

    name: str
    category: MetricCategory
    higher_is_better: bool
    about: str
    paper: str


_ALL = (
    AttributionMetric(
        "faithfulness-estimate", "faithfulness", True,
        "correlation over cells of their attribution with the fall of the logit without them",
        "Alvarez-Melis and Jaakkola 2018, NeurIPS",
    ),
    AttributionMetric(
        "infidelity", "faithfulness", False,
        "share of the fall of the logit without random parts that attribution does not explain",
        "Yeh et al. 2019, NeurIPS",
    ),
    AttributionMetric(
        "average-sensitivity", "robustness", False,
        "mean relative change of the map when a little noise is added to the image",
        "Bhatt et al. 2020, IJCAI; Yeh et al. 2019, NeurIPS",
    ),
    AttributionMetric(
        "local-lipschitz", "robustness", False,
        "largest relative change of the map over that of the image",
        "Alvarez-Melis and Jaakkola 2018, ICML workshop",
    ),
    AttributionMetric(
        "relevance-mass", "localisation", True,
        "share of positive attribution that lies in the pieces of the class",
        "Arras et al. 2022, Information Fusion",
    ),
    AttributionMetric(
        "relevance-rank", "localisation", True,
        "share of the pixels of highest attribution, as many as the pieces have, that lie in them",
        "Arras et al. 2022, Information Fusion",
    ),
    AttributionMetric(
        "sparseness", "complexity", True, "Gini index of absolute attribution",
        "Chalasani et al. 2020, ICML",
    ),
    AttributionMetric(
        "complexity", "complexity", False,
        "entropy of absolute attribution, as a share of that of a flat map",
        "Bhatt et al. 2020, IJCAI",
    ),
    AttributionMetric(
        "parameter-randomisation", "randomisation", False,
        "rank correlation with the maps of networks whose last layer, half of whose layers and all "
        "of whose layers have shuffled weights",
        "Adebayo et al. 2018, NeurIPS",
    ),
    AttributionMetric(
        "random-logit", "randomisation", False,
        "rank correlation with the map of another class", "Sixt et al. 2020, ICML",
    ),
)  # fmt: skip
ATTRIBUTION_METRICS: Mapping[str, AttributionMetric] = {each.name: each for each in _ALL}
"""Every metric by its name."""


def faithfulness_estimate(sums: Tensor, drops: Tensor) -> Tensor:
    """Correlate what is attributed to parts with how far the logit falls without them.

    Parameters
    ----------
    sums, drops
        ``(N, parts)``.

    Examples
    --------
    >>> faithfulness_estimate(torch.tensor([[1.0, 2, 3]]), torch.tensor([[2.0, 4, 6]])).tolist()
    [1.0]
    """
    one, other = (each.double() - each.double().mean(1, keepdim=True) for each in (sums, drops))
    return (one * other).sum(1) / (one.square().sum(1) * other.square().sum(1)).sqrt()


def infidelity(sums: Tensor, drops: Tensor) -> Tensor:
    """Mean square error of attribution as a forecast of the fall, at its best positive scale.

    Parameters
    ----------
    sums, drops
        ``(N, subsets)``: attribution in the random part that was taken away, and the fall.

    Returns
    -------
    Tensor
        ``(N,)``, as a share of the mean square of the fall: 0 explains all of it, 1 nothing.

    Examples
    --------
    >>> infidelity(torch.tensor([[1.0, 2], [1, -1]]), torch.tensor([[2.0, 4], [1, 1]])).tolist()
    [0.0, 1.0]
    """
    sums, drops = sums.double(), drops.double()
    both = (sums * drops).sum(1).clamp_min(0)
    return (1 - both**2 / (sums.square().sum(1) * drops.square().sum(1))).clamp_min(0)


def average_sensitivity(maps: Tensor, others: Tensor) -> Tensor:
    """Average how far maps move, as a share of their norm.

    Parameters
    ----------
    maps
        ``(N, *spatial)``.
    others
        ``(D, N, *spatial)``, of images with a little noise.

    Examples
    --------
    >>> average_sensitivity(torch.tensor([[3.0, 4.0]]), torch.tensor([[[3.0, 5.0]]])).tolist()
    [0.2]
    """
    return _moves(maps, others).mean(0)


def local_lipschitz(maps: Tensor, others: Tensor, steps: Tensor) -> Tensor:
    """Return the largest relative change of a map over the relative change of its image.

    Parameters
    ----------
    maps, others
        As :func:`average_sensitivity`.
    steps
        ``(D, N)``: how far each image was moved, as a share of its norm.
    """
    return (_moves(maps, others) / steps).amax(0)


def relevance_mass(maps: Tensor, masks: Tensor) -> Tensor:
    """Return the share of positive attribution that lies within masks.

    Parameters
    ----------
    maps, masks
        ``(N, *spatial)``.

    Examples
    --------
    >>> relevance_mass(torch.tensor([[3.0, 1.0, -5.0]]), torch.tensor([[True, False, True]]))
    tensor([0.7500], dtype=torch.float64)
    """
    positive = maps.double().clamp_min(0).flatten(1)
    return (positive * masks.flatten(1)).sum(1) / positive.sum(1)


def relevance_rank(maps: Tensor, masks: Tensor) -> Tensor:
    """Return the share of the highest values, as many as a mask has, that lie within it.

    Of equal values at the limit, the share that lies within counts.

    Parameters
    ----------
    maps, masks
        ``(N, *spatial)``.

    Examples
    --------
    >>> inside = torch.tensor([[True, True, False]])
    >>> relevance_rank(torch.tensor([[3.0, 1.0, 1.0]]), inside).tolist()
    [0.75]
    """
    values, inside = maps.double().flatten(1), masks.flatten(1)
    size = inside.sum(1)
    limit = values.sort(1, descending=True).values.gather(1, (size - 1).clamp_min(0)[:, None])
    above, equal = values > limit, values == limit
    places = (size - above.sum(1)) / equal.sum(1)
    hits = (above & inside).sum(1) + places * (equal & inside).sum(1)
    return torch.where(values.std(1) > 0, hits / size, torch.nan)


def sparseness(maps: Tensor) -> Tensor:
    """Return the Gini index of absolute values: 0 where all are equal.

    Parameters
    ----------
    maps
        ``(N, *spatial)``.

    Examples
    --------
    >>> sparseness(torch.tensor([[1.0, 1, 1, 1], [0, 0, 0, -1]])).tolist()
    [0.0, 0.75]
    """
    values = maps.double().abs().flatten(1).sort(1).values
    count = values.shape[1]
    ranks = torch.arange(1, count + 1, dtype=torch.float64)
    gini: Tensor = ((2 * ranks - count - 1) * values).sum(1) / (count * values.sum(1))
    return gini


def complexity(maps: Tensor) -> Tensor:
    """Return the entropy of absolute values: 1 where all are equal, 0 where one holds all.

    Parameters
    ----------
    maps
        ``(N, *spatial)``.

    Examples
    --------
    >>> complexity(torch.tensor([[1.0, 1, 1, 1], [0, 0, 0, -1]])).tolist()
    [1.0, 0.0]
    """
    values = maps.double().abs().flatten(1)
    shares = values / values.sum(1, keepdim=True)
    entropy: Tensor = torch.special.entr(shares).sum(1)
    return entropy / log(values.shape[1])


def rank_correlation(maps: Tensor, others: Tensor) -> Tensor:
    """Correlate the ranks of two maps (Spearman); 0 where the other one is flat.

    Parameters
    ----------
    maps, others
        ``(N, *spatial)``.

    Examples
    --------
    >>> rank_correlation(torch.tensor([[1.0, 2, 9]]), torch.tensor([[1.0, 4, 5]])).tolist()
    [1.0]
    """
    one, other = (
        torch.from_numpy(rankdata(each.double().flatten(1).numpy(), axis=1))
        for each in (maps, others)
    )
    found = faithfulness_estimate(one, other)
    return torch.where((other.std(1) == 0) & (one.std(1) > 0), 0.0, found)


def _moves(maps: Tensor, others: Tensor) -> Tensor:
    """``(D, N)``: how far each map is moved, as a share of its norm."""
    apart: Tensor = torch.linalg.vector_norm((others - maps).double().flatten(2), dim=2)
    norm: Tensor = torch.linalg.vector_norm(maps.double().flatten(1), dim=1)
    return apart / norm
