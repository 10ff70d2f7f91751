"""Estimate intervals by the bootstrap over subjects."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from regkit.errors import InputError
from regkit.statistics.subjects import per_subject

Row = NDArray[np.float64]
Statistic = Callable[..., Row]
"""As NumPy's own: ``statistic(values, axis=-1)``."""


@dataclass(frozen=True)
class Interval:
    """An estimate, and where it lies with the probability ``level``."""

    estimate: float
    low: float
    high: float
    level: float


def bootstrap_interval(
    values: ArrayLike,
    *,
    generator: np.random.Generator,
    subjects: Sequence[Hashable] | None = None,
    statistic: Statistic = np.mean,
    level: float = 0.95,
    method: Literal["bca", "percentile"] = "bca",
    resamples: int = 2000,
) -> Interval:
    """Estimate the interval of a statistic by drawing subjects with replacement.

    Several scores of one subject are averaged first: they are not independent of each other, and
    each subject counts once. Of fewer than about ten subjects such an interval is too short.

    Parameters
    ----------
    values
        ``(n,)`` scores.
    generator
        Where the draws come from: the same seed gives the same interval.
    subjects
        ``(n,)``: whose each score is; each is of a subject of its own where none are named.
    statistic
        A function of NumPy such as ``np.mean`` or ``np.median``, with ``axis``.
    level
        Of the interval, between 0 and 1.
    method
        ``percentile``, or ``bca``: corrected for bias and skewness (Efron 1987, equations 2.3
        and 6.6).
    resamples
        How many draws.

    Raises
    ------
    InputError
        If the scores cannot be used, there are fewer than two subjects, or an option is not
        allowed.

    Examples
    --------
    >>> found = bootstrap_interval([1, 2, 3, 4], generator=np.random.default_rng(0))
    >>> found.estimate, found.low < 2.5 < found.high
    (2.5, True)
    """
    if not 0 < level < 1 or resamples < 1 or method not in ("bca", "percentile"):
        raise InputError(
            f"level {level:g}, resamples {resamples}, method {method!r}: allowed are a level "
            "between 0 and 1, at least 1 resample, and the method 'bca' or 'percentile'"
        )
    scores = per_subject(values, subjects)
    drawn = generator.integers(len(scores), size=(resamples, len(scores)))
    found = statistic(scores[drawn], axis=-1)
    estimate = float(statistic(scores, axis=-1))
    if method == "percentile":
        return percentile_interval(np.array([estimate, *found]), level)
    shares = np.array([(1 - level) / 2, (1 + level) / 2])
    shares = _corrected(shares, found, estimate, _jackknife(scores, statistic))
    low, high = np.quantile(found, shares)
    return Interval(estimate, float(low), float(high), level)


def percentile_interval(samples: Row, level: float = 0.95) -> Interval:
    """Make an interval of draws that somebody else has made.

    Parameters
    ----------
    samples
        ``(1 + draws,)``: the estimate, then that of every draw. Of the draws the finite ones
        count; without any the bounds are NaN.
    level
        Of the interval, between 0 and 1.

    Examples
    --------
    >>> percentile_interval(np.array([2.0, 1, 2, 3]), 0.5)
    Interval(estimate=2.0, low=1.5, high=2.5, level=0.5)
    """
    drawn = samples[1:][np.isfinite(samples[1:])]
    shares = np.array([(1 - level) / 2, (1 + level) / 2])
    low, high = np.quantile(drawn, shares) if len(drawn) else (float("nan"), float("nan"))
    return Interval(float(samples[0]), float(low), float(high), level)


def _jackknife(scores: Row, statistic: Statistic) -> Row:
    """Return the statistic without each of the subjects."""
    left_out = np.array([np.delete(scores, n) for n in range(len(scores))])
    return statistic(left_out, axis=-1)


def _corrected(shares: Row, found: Row, estimate: float, jackknife: Row) -> Row:
    """Return the quantiles to take instead of ``shares``; those themselves where nothing varies."""
    below = ((found < estimate).mean() + (found <= estimate).mean()) / 2
    apart = jackknife.mean() - jackknife
    spread = float((apart**2).sum())
    if not 0 < below < 1 or spread == 0:
        return shares
    bias = norm.ppf(below)
    acceleration = (apart**3).sum() / (6 * spread**1.5)
    moved = bias + norm.ppf(shares)
    corrected: Row = norm.cdf(bias + moved / (1 - acceleration * moved))
    return corrected
