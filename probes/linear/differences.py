"""Compare two probes on the same subjects: their difference, and whether they are equivalent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from probes.linear.nested import ProbeFit
from probes.linear.scores import BOUNDED, HEADLINE, SubjectDraws, drawn_scores
from probes.linear.target import Target
from regkit.errors import InputError
from regkit.statistics import Interval, holm, percentile_interval

DifferenceVerdict = Literal["different", "equivalent", "different within the margin", "undecided"]


@dataclass(frozen=True)
class ProbeDifference:
    """The headline measure of one probe minus that of another.

    Parameters
    ----------
    metric
        Which measure.
    interval
        The difference and its interval.
    narrow
        The interval of the equivalence test, of ``1 - 2 alpha``.
    margin
        The smallest difference that would matter.
    p
        Two-sided, of no difference, by the share of samples beyond 0.
    p_holm
        The same, corrected for all comparisons that were made together.
    both_perfect
        Neither probe was wrong about anybody, or right about anybody, in any sample.
    """

    metric: str
    interval: Interval
    narrow: Interval
    margin: float
    p: float
    p_holm: float = float("nan")
    both_perfect: bool = False

    @property
    def verdict(self) -> DifferenceVerdict:
        """What can be said; that no difference was found is never said to be equivalence.

        Two probes that are right about every subject are not told apart by any sample of them. Of
        comparisons that were made together, one is different only by its corrected p-value.
        """
        if self.both_perfect:
            return "undecided"
        chance = self.p_holm > 1 - self.interval.level  # never of one that is not corrected
        apart = not chance and (self.interval.low > 0 or self.interval.high < 0)
        close = -self.margin < self.narrow.low and self.narrow.high < self.margin
        if apart and close:
            return "different within the margin"
        return "different" if apart else "equivalent" if close else "undecided"


def compare_probes(
    first: ProbeFit,
    second: ProbeFit,
    target: Target,
    draws: SubjectDraws,
    *,
    margin: float,
    level: float = 0.95,
    alpha: float = 0.05,
) -> ProbeDifference:
    """Compare two probes of the same folds by their headline measure.

    Both are judged in the same samples of subjects. The equivalence test is that of two one-sided
    tests by the interval of ``1 - 2 alpha`` of those samples (Schuirmann 1987).

    Parameters
    ----------
    first, second
        Fits of the same rows and folds.
    target
        What was to be told.
    draws
        Samples of subjects.
    margin
        The smallest difference that would matter, above 0, chosen before looking.
    level
        Of the interval.
    alpha
        The error of claiming equivalence.

    Raises
    ------
    InputError
        If the margin is not above 0, or nothing can be compared.
    """
    if not 0 < margin < float("inf"):
        raise InputError(f"margin {margin:g}: allowed is a finite number above 0")
    metric = HEADLINE[target.kind]
    one, other = (drawn_scores(each, target, draws)[metric] for each in (first, second))
    apart = one - other
    known = apart[1:][~np.isnan(apart[1:])]
    if not len(known):
        raise InputError("the probes can be compared in no sample; give more subjects")
    beyond = min(int((known <= 0).sum()), int((known >= 0).sum()))
    p = min(1.0, 2 * (beyond + 1) / (len(known) + 1))
    both = np.concatenate([one, other])
    both = both[~np.isnan(both)]  # a sample of few subjects may hold one class alone
    bounded = metric in BOUNDED and bool((both == both[0]).all()) and float(both[0]) in (0.0, 1.0)
    return ProbeDifference(
        metric, percentile_interval(apart, level), percentile_interval(apart, 1 - 2 * alpha),
        margin, p, both_perfect=bounded,
    )  # fmt: skip


def with_holm(found: Sequence[ProbeDifference]) -> list[ProbeDifference]:
    """Return the same, with p-values corrected for all of them."""
    corrected = holm([each.p for each in found]) if found else ()
    return [replace(each, p_holm=float(p)) for each, p in zip(found, corrected, strict=True)]
