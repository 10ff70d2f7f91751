"""Compare two methods on the same subjects: mean difference, its interval, and a p-value."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regkit.statistics.intervals import Interval, bootstrap_interval
from regkit.statistics.subjects import paired_differences

_ALL_SIGNS = 12  # subjects, up to which all sign changes are tried: 4096 of them
_DRAWN_SIGNS = 9999


@dataclass(frozen=True)
class PairedDifference:
    """The mean of first minus second over subjects.

    Parameters
    ----------
    interval
        The mean difference and its bootstrap interval.
    p
        Two-sided, of the hypothesis that the sign of each difference is chance.
    subjects
        How many there are. The smallest p that n subjects can give is ``2 ** (1 - n)``.
    """

    interval: Interval
    p: float
    subjects: int


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    generator: np.random.Generator,
    subjects: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> PairedDifference:
    """Compare two methods by their scores of the same subjects.

    The interval is that of :func:`~regkit.statistics.bootstrap_interval`. The p-value is that of
    the sign-flip test of the mean (Fisher 1935), exact for up to 12 subjects.

    Parameters
    ----------
    first, second
        ``(n,)`` scores, in the same order.
    generator
        Where the draws come from: the same seed gives the same result.
    subjects
        ``(n,)``: whose each pair is; differences of one subject are averaged.
    level
        Of the interval.

    Raises
    ------
    InputError
        If the scores are no pairs, cannot be used, or are of fewer than two subjects.

    Examples
    --------
    >>> found = paired_difference([2, 4, 5], [1, 1, 1], generator=np.random.default_rng(0))
    >>> round(found.interval.estimate, 3), found.p
    (2.667, 0.25)
    """
    apart = paired_differences(first, second, subjects)
    interval = bootstrap_interval(apart, generator=generator, level=level)
    return PairedDifference(interval, _sign_flip(apart, generator), len(apart))


def _sign_flip(apart: NDArray[np.float64], generator: np.random.Generator) -> float:
    """Return the share of sign changes whose sum is at least as far from 0 as that of ``apart``."""
    exact = len(apart) <= _ALL_SIGNS
    if exact:
        signs = np.array(list(product((-1.0, 1.0), repeat=len(apart))))
    else:
        signs = generator.choice((-1.0, 1.0), size=(_DRAWN_SIGNS, len(apart)))
    # Sums that are equal but for rounding are as far.
    far = abs(signs @ apart) >= abs(apart.sum()) - 1e-12 * abs(apart).sum()
    return float(far.mean()) if exact else float((far.sum() + 1) / (_DRAWN_SIGNS + 1))
