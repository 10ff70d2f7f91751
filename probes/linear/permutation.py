"""The control of a probe: what the same procedure finds where there is nothing to find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from probes.linear.nested import ProbeSettings, choose_columns, fit_probe
from probes.linear.scores import HEADLINE, SubjectDraws, drawn_scores
from probes.linear.target import FloatArray, Target


@dataclass(frozen=True)
class PermutationControl:
    """A measure with outcomes of subjects exchanged.

    Parameters
    ----------
    metric
        Which measure.
    values
        One a permutation; about what chance is where the procedure is sound.
    observed
        With the outcomes as they are, by the same folds.
    """

    metric: str
    values: tuple[float, ...]
    observed: float

    @property
    def p(self) -> float:
        """The share of permutations that do as well; never below 1 / (permutations + 1)."""
        as_good = sum(value >= self.observed for value in self.values)
        return (1 + as_good) / (1 + len(self.values))

    @property
    def mean(self) -> float:
        """Over permutations."""
        return float(np.mean(self.values))


def permutation_control(
    columns: Mapping[str, FloatArray],
    target: Target,
    settings: ProbeSettings,
    *,
    count: int,
    seed: int,
) -> PermutationControl:
    """Repeat a probe with outcomes exchanged between subjects, the choice of features included.

    Parameters
    ----------
    columns
        Name to features ``(n, p)``, among which the inner folds choose.
    target
        What was to be told.
    settings
        As it was fitted; of its seeds the first is used.
    count
        How many permutations, at least 1.
    seed
        Of the exchanges.
    """
    once = replace(settings, plan=replace(settings.plan, seeds=settings.plan.seeds[:1]))
    generator = np.random.default_rng(seed)
    observed = _headline(columns, target, once)
    values = tuple(_headline(columns, target.shuffled(generator), once) for _ in range(count))
    return PermutationControl(HEADLINE[target.kind], values, observed)


def _headline(columns: Mapping[str, FloatArray], target: Target, settings: ProbeSettings) -> float:
    fits = {name: fit_probe(features, target, settings) for name, features in columns.items()}
    none = SubjectDraws(np.ones((1, len(target.names))))
    return float(drawn_scores(choose_columns(fits), target, none)[HEADLINE[target.kind]][0])
