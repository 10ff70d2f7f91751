"""Nested cross-validation: a probe is judged by subjects on which nothing of it was fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit

from probes.linear.estimators import FITTINGS, LinearModel, Reduction
from probes.linear.folds import Fold, FoldPlan, grouped_folds
from probes.linear.scores import concordance, pair_table
from probes.linear.target import FloatArray, Target
from regkit.errors import InputError

STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)


@dataclass(frozen=True)
class ProbeSettings:
    """How probes are fitted.

    Parameters
    ----------
    plan
        The folds.
    components
        How many principal components are kept; None for all of them.
    strengths
        Inverse penalties, one of which the inner folds choose.
    """

    plan: FoldPlan = field(default_factory=FoldPlan)
    components: int | None = None
    strengths: tuple[float, ...] = STRENGTHS


@dataclass(frozen=True, eq=False)
class FoldFit:
    """What one outer fold gave.

    Parameters
    ----------
    fold
        Its rows.
    score
        ``(test rows,)``: the higher, the more of the outcome; of classes balanced log odds.
    predicted
        ``(test rows,)``: the probability of class 1 at the prior of the training rows, or the
        number; the score where neither is known.
    mean
        Of the outcome in the training rows: what one would say without features.
    loss
        Of the inner folds, of what they chose; lower is better.
    strength
        What they chose.
    weights
        ``(features,)``, of the features as they were given.
    """

    fold: Fold
    score: FloatArray
    predicted: FloatArray
    mean: float
    loss: float
    strength: float
    weights: FloatArray


@dataclass(frozen=True, eq=False)
class ProbeFit:
    """All outer folds of one probe.

    Parameters
    ----------
    folds
        Of all seeds.
    chosen
        The name of the features that each fold took, where it had a choice.
    """

    folds: tuple[FoldFit, ...]
    chosen: tuple[str, ...] = ()

    @property
    def weights(self) -> FloatArray:
        """The mean over folds of the weights of features, ``(features,)``."""
        mean: FloatArray = np.mean([each.weights for each in self.folds], axis=0)
        return mean


def fit_probe(
    features: FloatArray,
    target: Target,
    settings: ProbeSettings,
    on_fold: Callable[[], None] = lambda: None,
) -> ProbeFit:
    """Fit and judge a probe by nested cross-validation grouped by subject.

    Standardisation, PCA, the penalty and the model see training rows alone, in the outer folds and
    in the inner ones, whose subjects are as apart as those of the outer ones.

    Parameters
    ----------
    features
        ``(n, p)``.
    target
        What is told, of the same ``n`` rows.
    settings
        The folds and the model.
    on_fold
        Called after each outer fold.
    """
    found = []
    for fold in settings.plan.folds(target):
        found.append(_fold_fit(features, target, fold, settings))
        on_fold()
    return ProbeFit(tuple(found))


def choose_columns(fits: Mapping[str, ProbeFit]) -> ProbeFit:
    """Let each outer fold take the features that its own inner folds liked best.

    Parameters
    ----------
    fits
        By the name of the features, such as a layer and how it was pooled; all of one plan.

    Returns
    -------
    ProbeFit
        Whose test rows have had no part in the choice. Its weights are of features that differ
        between folds: they are of no use.
    """
    names, folds, chosen = list(fits), [], []
    for same in zip(*(fits[name].folds for name in names), strict=True):
        best = int(np.argmin([each.loss for each in same]))
        folds.append(same[best])
        chosen.append(names[best])
    return ProbeFit(tuple(folds), tuple(chosen))


def _fold_fit(features: FloatArray, target: Target, fold: Fold, settings: ProbeSettings) -> FoldFit:
    train, given = target.rows(fold.train), features[fold.train]
    loss, strength = _choose_strength(given, train, fold.seed, settings)
    reduction = Reduction.fitted_on(given, settings.components)
    (model,) = FITTINGS[target.kind](reduction(given), train, (strength,))
    score = model(reduction(features[fold.test]))
    return FoldFit(
        fold, score, _predicted(model, score, target), float(train.truth.mean()), loss, strength,
        reduction.features_of(model.weights),
    )  # fmt: skip


def _choose_strength(
    features: FloatArray, target: Target, seed: int, settings: ProbeSettings
) -> tuple[float, float]:
    """The lowest mean loss over inner folds, and the strength that has it."""
    losses = np.zeros(len(settings.strengths))
    for fold in grouped_folds(target, settings.plan.inner, seed):
        train, test = target.rows(fold.train), target.rows(fold.test)
        reduction = Reduction.fitted_on(features[fold.train], settings.components)
        seen, unseen = reduction(features[fold.train]), reduction(features[fold.test])
        models = FITTINGS[target.kind](seen, train, settings.strengths)
        losses += [_loss(model(unseen), test) for model in models]
    best = int(np.argmin(losses))
    return float(losses[best]) / settings.plan.inner, settings.strengths[best]


def _loss(score: FloatArray, target: Target) -> float:
    """Balanced log loss of classes, squared error of numbers, what concordance lacks to 1."""
    if target.kind == "number":
        return float(np.mean((score - target.truth) ** 2))
    if target.kind == "survival":
        ahead, compared = pair_table(score, target)
        return 1 - concordance(ahead, compared)
    wrong = np.logaddexp(0, np.where(target.truth > 0, -score, score))
    return float(np.mean([wrong[target.truth == c].mean() for c in np.unique(target.truth)]))


def _predicted(model: LinearModel, score: FloatArray, target: Target) -> FloatArray:
    if target.kind != "class":
        return score
    return np.asarray(expit(score + model.prior), np.float64)


def check_features(features: Sequence[FloatArray], names: Sequence[str], what: str) -> None:
    """Refuse features that are not finite.

    Parameters
    ----------
    features
        ``(n, p)`` each.
    names
        What messages call them.
    what
        What messages begin with.

    Raises
    ------
    InputError
        Naming the features.
    """
    for each, name in zip(features, names, strict=True):
        if not np.isfinite(each).all():
            raise InputError(
                f"{what}: {name}: {int((~np.isfinite(each)).sum())} values are not finite; "
                "look at the images that they are of"
            )
