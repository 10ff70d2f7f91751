"""Rows of what was found of one model: trust in metrics, scores of methods, sums of maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest
from torch import Tensor

from probes.diagnosis.attribution.explained import ExplainedModel, answers_of
from probes.diagnosis.attribution.judging import Scores
from probes.diagnosis.attribution.metrics import ATTRIBUTION_METRICS, AttributionMetric
from probes.diagnosis.attribution.relevance import relevance
from probes.diagnosis.attribution.rows import MethodRow, RelevanceRow, TrustRow
from regkit.statistics import bootstrap_interval


@dataclass(frozen=True, eq=False)
class ExplainedImages:
    """Images with their maps, for the report and the file of maps.

    Parameters
    ----------
    names
        One an image.
    images
        ``(N, C, *spatial)``, on the scale of the model.
    targets
        ``(N,)``.
    masks
        ``(N, *spatial)``: the pieces of the class; false in images of the data set.
    maps
        ``(N, *spatial)`` for each method, and for ``truth`` where it is known; NaN elsewhere.
    """

    names: Sequence[str]
    images: Tensor
    targets: Tensor
    masks: Tensor
    maps: Mapping[str, Tensor]


def trust_rows(
    model: str, extent: str, truth: Scores, noise: Scores, level: float
) -> Iterator[TrustRow]:
    """Judge every metric by what it says of the truth and of noise.

    Parameters
    ----------
    model, extent
        Of the mosaics; see :class:`~probes.diagnosis.attribution.rows.TrustRow`.
    truth, noise
        Scores of both.
    level
        Of the intervals.
    """
    for metric in ATTRIBUTION_METRICS.values():
        row = TrustRow(model, metric.category, metric.name, extent)
        if metric.name not in truth:
            yield replace(row, message="needs a network whose weights can be shuffled")
            continue
        yield _trust(row, metric, truth[metric.name], noise[metric.name], level)


def _trust(
    row: TrustRow,
    metric: AttributionMetric,
    truth: NDArray[np.float64],
    noise: NDArray[np.float64],
    level: float,
) -> TrustRow:
    """Only what is strictly better counts: a metric must tell truth from noise to be trusted."""
    known = np.isfinite(truth) & np.isfinite(noise)
    if not known.any():
        return replace(row, message="is not defined for the truth about any mosaic")
    truth, noise = truth[known], noise[known]
    apart = np.round(truth - noise, 9) * (1 if metric.higher_is_better else -1)
    wins = int((apart > 0).sum())
    found = binomtest(wins, len(apart)).proportion_ci(level, method="wilson")
    return replace(
        row, truth=float(truth.mean()), noise=float(noise.mean()), better=wins / len(apart),
        low=float(found.low), high=float(found.high), mosaics=len(apart),
        trusted=bool(found.low > 0.5),
    )  # fmt: skip


def method_rows(
    model: str, method: str, scores: Scores, *, seed: int, level: float
) -> Iterator[MethodRow]:
    """Average the scores of a method over mosaics.

    Parameters
    ----------
    model, method
        Their names.
    scores
        By the names of metrics; NaN is left out.
    seed, level
        Of the intervals.
    """
    for metric in ATTRIBUTION_METRICS.values():
        values = scores.get(metric.name, np.zeros(0))
        values = values[np.isfinite(values)]
        row = MethodRow(model, method, metric.category, metric.name, mosaics=len(values))
        if len(values) < 2:
            yield replace(row, message="is defined for fewer than two maps")
            continue
        found = bootstrap_interval(
            values, generator=np.random.default_rng(seed), level=level,
            method="percentile",
        )  # fmt: skip
        yield replace(row, score=found.estimate, low=found.low, high=found.high)


def sum_rows(
    name: str, model: ExplainedModel, explained: ExplainedImages
) -> Iterator[RelevanceRow]:
    """Sum every map, and compare the sum with the logit that it explains.

    Parameters
    ----------
    name, model
        Of whose answers.
    explained
        Images with their maps.
    """
    logits, absent = (
        answers_of(model, shown).gather(1, explained.targets[:, None])[:, 0].double()
        for shown in (explained.images, model.absent(explained.images))
    )
    biases = torch.zeros(len(logits))
    if "lrp" in explained.maps:
        network = model.required_module("lrp")
        biases = relevance(network, explained.images, explained.targets)[1].double()
    for method, maps in explained.maps.items():
        totals = maps.double().flatten(1).sum(1)
        for number, total in enumerate(totals.tolist()):
            if not np.isfinite(total):
                continue
            logit, nothing = float(logits[number]), float(absent[number])
            yield RelevanceRow(
                name, method, explained.names[number], int(explained.targets[number]), logit,
                nothing, total, float(biases[number]) if method == "lrp" else 0.0,
                _share(total, logit), _share(total, logit - nothing),
            )  # fmt: skip


def _share(total: float, of: float) -> float:
    return total / of if of else float("nan")
