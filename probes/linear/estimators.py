"""Linear models behind standardisation and PCA, all of it fitted on the rows that it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from probes.linear.target import FloatArray, Target, TargetKind
from regkit.errors import require

PROBES_EXTRA = "probes"
_MOST_STEPS, _FLAT = 50, 1e-12


@dataclass(frozen=True)
class Reduction:
    """Standardise features and rotate them to principal components, in units of the whole.

    Components are divided by the square root of how many features there are, so that one strength
    of regularisation means the same for few features and for many. Without ``components`` all are
    kept, which is a rotation: a model with an L2 penalty is the same as without, and fast.

    Parameters
    ----------
    centre, scale
        ``(p,)``: what is taken off, and what is divided by.
    components
        ``(c, p)``.
    """

    centre: FloatArray
    scale: FloatArray
    components: FloatArray

    @classmethod
    def fitted_on(cls, features: FloatArray, components: int | None) -> Reduction:
        """Fit scikit-learn's ``StandardScaler`` and ``PCA`` on ``features (n, p)``."""
        scalers = require("sklearn.preprocessing", extra=PROBES_EXTRA)
        most = max(1, min(len(features) - 1, features.shape[1]))  # the mean is taken off
        count = most if components is None else min(components, most)
        pca = require("sklearn.decomposition", extra=PROBES_EXTRA).PCA(count, svd_solver="full")
        with _unchecked():
            scaler = scalers.StandardScaler().fit(features)
            pca.fit((features - scaler.mean_) / scaler.scale_)
        width = np.sqrt(features.shape[1])
        return cls(scaler.mean_, scaler.scale_, pca.components_ / width)

    def __call__(self, features: FloatArray) -> FloatArray:
        """Turn ``features (n, p)`` into components ``(n, c)``."""
        found: FloatArray = (features - self.centre) / self.scale @ self.components.T
        return found

    def features_of(self, weights: FloatArray) -> FloatArray:
        """Turn weights of components ``(c,)`` into weights of the features given ``(p,)``."""
        found: FloatArray = weights @ self.components / self.scale
        return found


def _unchecked() -> Any:
    """Let scikit-learn trust what has been looked at: it takes half of the time."""
    sklearn = require("sklearn", extra=PROBES_EXTRA)
    return sklearn.config_context(assume_finite=True, skip_parameter_validation=True)


@dataclass(frozen=True)
class LinearModel:
    """A fitted linear model of components.

    Parameters
    ----------
    weights
        ``(c,)``.
    offset
        What is added.
    prior
        Of classes: log odds of class 1 in the rows that it was fitted on.
    """

    weights: FloatArray
    offset: float = 0.0
    prior: float = 0.0

    def __call__(self, components: FloatArray) -> FloatArray:
        """Score ``components (n, c)``: balanced log odds, the number, or the log hazard."""
        return np.asarray(components @ self.weights + self.offset, np.float64)


def _logistic(components: FloatArray, target: Target, strength: float) -> LinearModel:
    """Classes count the same, however many rows each has; the prior is kept beside.

    Newton's method, on the objective of ``LogisticRegression(class_weight="balanced")`` of
    scikit-learn: that takes 10 ms to look at its input, a hundred times as long as such a fit, of
    which a nested cross-validation makes tens of thousands.
    """
    share = float(target.truth.mean())
    weight = np.where(target.truth > 0, 0.5 / share, 0.5 / (1 - share))
    terms = np.column_stack([components, np.ones(len(components))])
    penalty = np.append(np.full(components.shape[1], 1 / strength), 0.0)
    beta, before = np.zeros(terms.shape[1]), np.inf
    for _ in range(_MOST_STEPS):
        step, gain = _newton_step(terms, target.truth, weight, penalty, beta)
        beta = beta + _damped(step, lambda b: _objective(terms, target, weight, penalty, b), beta)
        if gain < _FLAT or (gain >= before and gain < 1e-6):
            break
        before = gain
    return LinearModel(beta[:-1], float(beta[-1]), float(np.log(share / (1 - share))))


def _newton_step(
    terms: FloatArray, truth: FloatArray, weight: FloatArray, penalty: FloatArray, beta: FloatArray
) -> tuple[FloatArray, float]:
    """The step, and twice what it promises to gain."""
    chance = expit(terms @ beta)
    slope = terms.T @ (weight * (truth - chance)) - penalty * beta
    hessian = (terms * (weight * chance * (1 - chance))[:, None]).T @ terms + np.diag(penalty)
    hessian[-1, -1] += 1e-12
    step: FloatArray = np.linalg.solve(hessian, slope)
    return step, float(step @ slope)


def _objective(
    terms: FloatArray, target: Target, weight: FloatArray, penalty: FloatArray, beta: FloatArray
) -> float:
    score = terms @ beta
    wrong = np.logaddexp(0, np.where(target.truth > 0, -score, score))
    return float(weight @ wrong + penalty @ beta**2 / 2)


def _damped(
    step: FloatArray, objective: Callable[[FloatArray], float], beta: FloatArray
) -> FloatArray:
    """The step, halved until it does not lead up."""
    here = objective(beta)
    for _ in range(_MOST_STEPS):
        if objective(beta + step) <= here + 1e-12 * abs(here):
            break
        step = step / 2
    return step


def _ridge(components: FloatArray, target: Target, strength: float) -> LinearModel:
    linear = require("sklearn.linear_model", extra=PROBES_EXTRA)
    model = linear.Ridge(alpha=1 / strength).fit(components, target.truth)
    return LinearModel(model.coef_, float(model.intercept_))


def _cox(components: FloatArray, target: Target, strength: float) -> LinearModel:
    """Proportional hazards (Cox 1972), with an L2 penalty."""
    lifelines = require("lifelines", extra="survival")
    pandas = require("pandas", extra="survival")
    table = pandas.DataFrame(components).add_prefix("c")
    table["time"], table["event"] = target.truth, target.event
    model = lifelines.CoxPHFitter(penalizer=1 / (strength * len(target)))
    fitted = model.fit(table, "time", "event")
    return LinearModel(fitted.params_.to_numpy(np.float64))


Fitting = Callable[[FloatArray, Target, float], LinearModel]
FITTINGS: dict[TargetKind, Fitting] = {"class": _logistic, "number": _ridge, "survival": _cox}
