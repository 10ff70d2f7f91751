"""Linear models behind standardisation and PCA, all of it fitted on the rows that it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from probes.linear.cox import CoxProblem
from probes.linear.newton import minimise
from probes.linear.target import FloatArray, Target, TargetKind


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
        """Fit to ``features (n, p)`` what ``StandardScaler`` and ``PCA`` of scikit-learn do.

        Components come from the smaller of the two product matrices: a nested cross-validation
        fits tens of thousands of them to a few rows of many features.
        """
        centre, scale = features.mean(0), features.std(0)
        scale[scale <= 10 * np.finfo(np.float64).eps * (abs(centre) + scale)] = 1.0
        standard = (features - centre) / scale
        most = max(1, min(len(features) - 1, features.shape[1]))  # the mean is taken off
        directions = _principal(standard)[: most if components is None else min(components, most)]
        return cls(centre, scale, directions / np.sqrt(features.shape[1]))

    def __call__(self, features: FloatArray) -> FloatArray:
        """Turn ``features (n, p)`` into components ``(n, c)``."""
        found: FloatArray = (features - self.centre) / self.scale @ self.components.T
        return found

    def features_of(self, weights: FloatArray) -> FloatArray:
        """Turn weights of components ``(c,)`` into weights of the features given ``(p,)``."""
        found: FloatArray = weights @ self.components / self.scale
        return found


def _principal(standard: FloatArray) -> FloatArray:
    """Directions ``(c, p)`` of centred data ``(n, p)``, the widest first; none of no width."""
    rows, width = standard.shape
    product = standard.T @ standard if width <= rows else standard @ standard.T
    values, vectors = np.linalg.eigh(product)
    kept = values > max(values[-1], 1.0) * max(rows, width) * np.finfo(np.float64).eps
    kept[-1] = True
    values, vectors = values[kept][::-1], vectors[:, kept][:, ::-1]
    if width <= rows:
        return np.asarray(vectors.T, np.float64)
    return np.asarray(vectors.T @ standard / np.sqrt(values)[:, None], np.float64)


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


def _logistic(
    components: FloatArray, target: Target, strengths: Sequence[float]
) -> list[LinearModel]:
    """Classes count the same, however many rows each has; the prior is kept beside.

    Newton's method for all strengths at once, on the objective of
    ``LogisticRegression(class_weight="balanced")`` of scikit-learn: that takes 10 ms to look at
    its input, a hundred times as long as such a fit.
    """
    share = float(target.truth.mean())
    terms = np.column_stack([components, np.ones(len(components))])
    penalty = np.ones((len(strengths), terms.shape[1])) / np.array(strengths)[:, None]
    penalty[:, -1] = 0
    problem = _LogisticProblem(
        terms, np.where(target.truth > 0, 1.0, -1.0),
        np.where(target.truth > 0, 0.5 / share, 0.5 / (1 - share)), penalty,
    )  # fmt: skip
    prior = float(np.log(share / (1 - share)))
    return [
        LinearModel(beta[:-1], float(beta[-1]), prior)
        for beta in minimise(problem, np.zeros_like(penalty))
    ]


@dataclass(frozen=True, eq=False)
class _LogisticProblem:
    """Logistic regressions of the same rows with different penalties.

    ``terms (n, c)``, ``sign (n,)`` -1 or 1, ``weight (n,)``, ``penalty (s, c)``.
    """

    terms: FloatArray
    sign: FloatArray
    weight: FloatArray
    penalty: FloatArray

    def objective(self, beta: FloatArray) -> FloatArray:
        """What is minimised ``(s,)``, at ``beta (s, c)``."""
        wrong = np.logaddexp(0, -self.sign * (beta @ self.terms.T))
        return np.asarray(wrong @ self.weight + (self.penalty * beta**2).sum(1) / 2)

    def derivatives(self, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The way down ``(s, c)``, and the curvature ``(s, c, c)``."""
        doubt = expit(-self.sign * (beta @ self.terms.T))
        slope = (self.weight * self.sign * doubt) @ self.terms - self.penalty * beta
        curved = (self.weight * doubt * (1 - doubt))[:, None, :] * self.terms.T @ self.terms
        diagonal = np.arange(beta.shape[1])
        curved[:, diagonal, diagonal] += self.penalty + 1e-12
        return slope, curved


def _ridge(components: FloatArray, target: Target, strengths: Sequence[float]) -> list[LinearModel]:
    """Least squares with an L2 penalty on all but the offset."""
    middle, mean = components.mean(0), float(target.truth.mean())
    centred = components - middle
    product, slope = centred.T @ centred, centred.T @ (target.truth - mean)
    same = np.eye(len(product))
    found = [np.linalg.solve(product + same / strength, slope) for strength in strengths]
    return [LinearModel(weights, mean - float(middle @ weights)) for weights in found]


def _cox(components: FloatArray, target: Target, strengths: Sequence[float]) -> list[LinearModel]:
    """Proportional hazards, whose baseline takes the place of an offset."""
    problem = CoxProblem.of(components, target, strengths)
    start = np.zeros((len(strengths), components.shape[1]))
    return [LinearModel(weights) for weights in minimise(problem, start)]


Fitting = Callable[[FloatArray, Target, Sequence[float]], list[LinearModel]]
FITTINGS: dict[TargetKind, Fitting] = {"class": _logistic, "number": _ridge, "survival": _cox}
"""By what is told: components ``(n, c)``, the target and inverse penalties to a model each."""
