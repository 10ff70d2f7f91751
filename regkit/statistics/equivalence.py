"""Are two methods as good as each other? Two one-sided tests on paired differences."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy.stats import t as student

from regkit.errors import InputError
from regkit.statistics.intervals import Interval
from regkit.statistics.subjects import paired_differences


@dataclass(frozen=True)
class Equivalence:
    """The result of two one-sided tests.

    Parameters
    ----------
    interval
        The mean difference and its interval of ``1 - 2 * alpha``.
    margin
        How far apart the methods may be, in units of the scores.
    p
        Of the hypothesis that they are ``margin`` apart or more.
    equivalent
        Whether ``p`` is below ``alpha``, hence the interval inside the margin.
    """

    interval: Interval
    margin: float
    p: float
    equivalent: bool


def equivalence(
    first: ArrayLike,
    second: ArrayLike,
    *,
    margin: float,
    subjects: Sequence[Hashable] | None = None,
    alpha: float = 0.05,
) -> Equivalence:
    """Test whether two methods differ by less than ``margin`` on the same subjects.

    Two one-sided t-tests of the paired differences (Schuirmann 1987). That a difference is not
    significant says nothing of the kind.

    Parameters
    ----------
    first, second
        ``(n,)`` scores, in the same order.
    margin
        The smallest difference that would matter, above 0; it is chosen before looking.
    subjects
        ``(n,)``: whose each pair is; differences of one subject are averaged.
    alpha
        The error of claiming equivalence, above 0 and below 0.5.

    Raises
    ------
    InputError
        If the scores are no pairs, cannot be used, or are of fewer than two subjects, or ``margin``
        or ``alpha`` is not allowed.

    Examples
    --------
    >>> found = equivalence([0.80, 0.82, 0.84], [0.81, 0.82, 0.83], margin=0.05)
    >>> found.equivalent, round(found.p, 4)
    (True, 0.0065)
    """
    if not 0 < margin < math.inf or not 0 < alpha < 0.5:
        raise InputError(
            f"margin {margin:g} and alpha {alpha:g}: allowed are a finite margin above 0, and an "
            "alpha above 0 and below 0.5"
        )
    apart = paired_differences(first, second, subjects)
    mean, error = float(apart.mean()), float(apart.std(ddof=1)) / math.sqrt(len(apart))
    p = _p_value(margin - abs(mean), error, len(apart) - 1)
    reach = float(student.ppf(1 - alpha, len(apart) - 1)) * error
    interval = Interval(mean, mean - reach, mean + reach, 1 - 2 * alpha)
    return Equivalence(interval, margin, p, p < alpha)


def _p_value(room: float, error: float, freedom: int) -> float:
    """Return the larger p-value of both tests, that towards the nearer end of the margin."""
    if error == 0:
        return 0.0 if room > 0 else 1.0
    return float(student.sf(room / error, freedom))
