"""How good a probe is, with intervals by drawing subjects with replacement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

from probes.linear.target import FloatArray, Target, TargetKind
from regkit.statistics import Interval, percentile_interval

if TYPE_CHECKING:
    from probes.linear.nested import FoldFit, ProbeFit

HEADLINE: dict[TargetKind, str] = {"class": "auc", "number": "r2", "survival": "c_index"}
CHANCE_LEVELS = {
    "auc": 0.5,
    "balanced_accuracy": 0.5,
    "c_index": 0.5,
    "r2": 0.0,
    "correlation": 0.0,
}
"""What a probe has that knows nothing."""
BOUNDED = ("auc", "balanced_accuracy", "c_index", "f1")
"""Measures that reach 0 and 1."""
_NEWTON_STEPS = 12


@dataclass(frozen=True)
class ProbeScore:
    """One measure of one probe.

    Parameters
    ----------
    metric
        Its name.
    interval
        The estimate, and its interval by bootstrap over subjects.
    subjects
        How many were judged.
    """

    metric: str
    interval: Interval
    subjects: int


@dataclass(frozen=True, eq=False)
class SubjectDraws:
    """Bootstrap samples of subjects; the same for all probes of one target, so that they pair.

    Parameters
    ----------
    counts
        ``(1 + draws, subjects)``: how often each was drawn; the first row is all of them once.
    """

    counts: FloatArray

    @classmethod
    def of(cls, target: Target, draws: int, seed: int) -> SubjectDraws:
        """Draw ``draws`` times as many subjects as there are."""
        count = len(target.names)
        drawn = np.random.default_rng(seed).integers(count, size=(draws, count))
        found = np.ones((1 + draws, count))
        for row, each in zip(found[1:], drawn, strict=True):
            row[:] = np.bincount(each, minlength=count)
        return cls(found)

    def of_rows(self, target: Target, fold: FoldFit) -> FloatArray:
        """How often each test row counts, ``(1 + draws, test rows)``."""
        return self.counts[:, target.owners[fold.fold.test]]


def score_probe(
    fit: ProbeFit, target: Target, draws: SubjectDraws, level: float = 0.95
) -> list[ProbeScore]:
    """Judge a probe by every measure of its kind.

    Parameters
    ----------
    fit
        Its folds.
    target
        What was to be told.
    draws
        Samples of subjects. Intervals say how the measure varies with whom one has judged; the
        models are those that were fitted.
    level
        Of the intervals.
    """
    owners = {int(target.owners[n]) for each in fit.folds for n in each.fold.test}
    scarcest = _scarcest(target, owners)
    return [
        ProbeScore(
            name, _at_a_bound(name, percentile_interval(values, level), scarcest), len(owners)
        )
        for name, values in drawn_scores(fit, target, draws).items()
    ]


def _scarcest(target: Target, owners: set[int]) -> int:
    """Subjects of the rarer class, or of any kind where there are no classes."""
    if target.kind != "class":
        return len(owners)
    counts = [
        len({int(o) for o in target.owners[target.truth == value]} & owners) for value in (0, 1)
    ]
    return max(1, min(counts))


def _at_a_bound(name: str, interval: Interval, subjects: int) -> Interval:
    """An interval of a measure that no sample moves away from 0 or 1, by what may be unseen.

    Where no subject was told wrongly, ``1 - (1 - level) ** (1 / n)`` is the largest share of such
    subjects that is compatible with it (Hanley and Lippman-Hand 1983); the bootstrap knows nothing
    of them.
    """
    if name not in BOUNDED or interval.low != interval.high:
        return interval
    unseen = 1 - (1 - interval.level) ** (1 / subjects)
    if interval.estimate == 1:
        return replace(interval, low=1 - unseen)
    return replace(interval, high=unseen) if interval.estimate == 0 else interval


def drawn_scores(fit: ProbeFit, target: Target, draws: SubjectDraws) -> dict[str, FloatArray]:
    """Compute every measure in every sample of subjects.

    Parameters
    ----------
    fit, target, draws
        As for :func:`score_probe`.

    Returns
    -------
    dict
        Name to ``(1 + draws,)``, NaN where a sample cannot tell, the estimate first. Seeds are
        averaged.
    """
    seeds = sorted({each.fold.seed for each in fit.folds})
    found: list[dict[str, FloatArray]] = []
    for seed in seeds:
        folds = [each for each in fit.folds if each.fold.seed == seed]
        found.append(_MEASURES[target.kind](folds, target, draws))
    return {name: np.mean([each[name] for each in found], axis=0) for name in found[0]}


def pair_table(score: FloatArray, target: Target) -> tuple[FloatArray, FloatArray]:
    """Compare every two rows.

    Parameters
    ----------
    score
        ``(n,)``.
    target
        Of the same rows: classes or survival.

    Returns
    -------
    ahead, compared
        ``(n, n)``: by how much the first is rightly ahead of the second, a half where scores are
        equal; and 1 where the two can be compared at all: class 1 with class 0, or an event with
        somebody who was watched for longer.
    """
    if target.event is None:
        compared = target.truth[:, None] > target.truth[None, :]
    else:
        compared = (target.truth[:, None] < target.truth[None, :]) & target.event[:, None]
    higher = (score[:, None] > score[None, :]) + 0.5 * (score[:, None] == score[None, :])
    pairs = compared.astype(np.float64)
    return higher * pairs, pairs


def concordance(ahead: FloatArray, compared: FloatArray) -> float:
    """Return the share of pairs ``(n, n)`` that are in the right order; one half without any."""
    total = compared.sum()
    return float(ahead.sum() / total) if total else 0.5


def _concordances(folds: Sequence[FoldFit], target: Target, draws: SubjectDraws) -> FloatArray:
    """Area under the ROC curve, or Harrell's c, by pairs within folds.

    Between folds scores are of different models. Pooled, they would be below one half where
    nothing can be told: a fold with more of a class than the rest has a model that expects less.
    """
    won, all_pairs = np.zeros(len(draws.counts)), np.zeros(len(draws.counts))
    for each in folds:
        weight = draws.of_rows(target, each)
        own = target.rows(each.fold.test)
        first = own.truth > 0 if own.event is None else own.event
        rest = ~first if own.event is None else np.ones(len(own), np.bool_)
        ahead, compared = (part[first][:, rest] for part in pair_table(each.score, own))
        for sums, part in ((won, ahead), (all_pairs, compared)):
            sums += np.einsum("di,di->d", weight[:, first] @ part, weight[:, rest])
    return _quotient(won, all_pairs)


def _class_measures(
    folds: Sequence[FoldFit], target: Target, draws: SubjectDraws
) -> dict[str, FloatArray]:
    weight = np.concatenate([draws.of_rows(target, each) for each in folds], axis=1)
    truth = np.concatenate([target.truth[each.fold.test] for each in folds])
    said = np.concatenate([each.score > 0 for each in folds])
    chance = np.concatenate([each.predicted for each in folds])
    found, positive = truth > 0, weight @ truth
    hit, false = weight[:, found & said].sum(1), weight[:, ~found & said].sum(1)
    total = weight.sum(1)
    right = weight[:, ~found & ~said].sum(1)
    sensitivity, specificity = _quotient(hit, positive), _quotient(right, total - positive)
    return {
        "auc": _concordances(folds, target, draws),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "f1": _quotient(2 * hit, hit + false + positive),
        "brier": _quotient(weight @ (chance - truth) ** 2, total),
        "calibration_error": _quotient(weight @ (chance - truth), total),
        "calibration_slope": _calibration_slopes(weight, chance, truth),
    }


def _number_measures(
    folds: Sequence[FoldFit], target: Target, draws: SubjectDraws
) -> dict[str, FloatArray]:
    weight = np.concatenate([draws.of_rows(target, each) for each in folds], axis=1)
    truth = np.concatenate([target.truth[each.fold.test] for each in folds])
    said = np.concatenate([each.predicted for each in folds])
    means = np.concatenate([np.full(len(each.score), each.mean) for each in folds])
    total = weight.sum(1)
    return {
        "r2": 1 - _quotient(weight @ (said - truth) ** 2, weight @ (means - truth) ** 2),
        "absolute_error": _quotient(weight @ abs(said - truth), total),
        "correlation": _correlations(weight, said, truth),
    }


def _survival_measures(
    folds: Sequence[FoldFit], target: Target, draws: SubjectDraws
) -> dict[str, FloatArray]:
    return {"c_index": _concordances(folds, target, draws)}


def _correlations(weight: FloatArray, one: FloatArray, other: FloatArray) -> FloatArray:
    share = _quotient(weight, weight.sum(1, keepdims=True))
    apart = [values - (share @ values)[:, None] for values in (one, other)]
    both, *own = (
        (share * first * second).sum(1)
        for first, second in ((apart[0], apart[1]), (apart[0], apart[0]), (apart[1], apart[1]))
    )
    return _quotient(both, np.sqrt(own[0] * own[1]))


def _calibration_slopes(weight: FloatArray, chance: FloatArray, truth: FloatArray) -> FloatArray:
    """The slope of a logistic regression on the log odds; 1 is right, below 1 is too sure.

    Newton's method on all samples at once (Cox 1958; Van Calster et al. 2019).
    """
    x = logit(np.clip(chance, 1e-6, 1 - 1e-6))
    terms = np.stack([np.ones_like(x), x], axis=1)
    beta = np.zeros((len(weight), 2))
    for _ in range(_NEWTON_STEPS):
        expected = expit(beta @ terms.T)
        step = (weight * (truth - expected)) @ terms
        spread = weight * expected * (1 - expected)
        hessian = np.einsum("dn,ni,nj->dij", spread, terms, terms) + 1e-9 * np.eye(2)
        beta = np.clip(beta + np.linalg.solve(hessian, step[..., None])[..., 0], -50, 50)
    return beta[:, 1]


def _quotient(above: FloatArray, below: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: FloatArray = np.where(below == 0, np.nan, above / below)
    return found


Measures = Callable[[Sequence["FoldFit"], Target, SubjectDraws], dict[str, FloatArray]]
_MEASURES: dict[TargetKind, Measures] = {
    "class": _class_measures, "number": _number_measures, "survival": _survival_measures
}  # fmt: skip
