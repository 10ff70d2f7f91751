"""Proportional hazards (Cox 1972) with an L2 penalty, events of one time after Efron (1977)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from probes.linear.target import FloatArray, RowNumbers, Target


@dataclass(frozen=True, eq=False)
class CoxProblem:
    """Partial likelihoods of the same rows with different penalties.

    Newton's method of lifelines stops far from the best weights where few events are told by
    many components, and penalises these after having made them equally wide.

    Parameters
    ----------
    terms
        Components, ``(n, c)``.
    events
        Numbers of the rows with an event, ``(k,)``.
    alive
        How much each row counts among those who might have had each event, ``(k, n)``.
    penalty
        ``(s, 1)``.
    """

    terms: FloatArray
    events: RowNumbers
    alive: FloatArray
    penalty: FloatArray

    @classmethod
    def of(cls, components: FloatArray, target: Target, strengths: Sequence[float]) -> Self:
        """Make the problem of ``components (n, c)`` and inverse penalties."""
        time = target.truth
        seen = np.zeros(len(time), np.bool_) if target.event is None else target.event
        events = np.flatnonzero(seen)
        tied = seen & (time[events, None] == time)
        rank = np.array([np.count_nonzero(row[:n]) for n, row in zip(events, tied, strict=True)])
        alive = (time >= time[events, None]) - tied * (rank / tied.sum(1))[:, None]
        return cls(components, events, alive, 1 / np.array(strengths)[:, None])

    def objective(self, beta: FloatArray) -> FloatArray:
        """What is minimised ``(s,)``, at ``beta (s, c)``."""
        risk = beta @ self.terms.T
        _, below, top = self._risks(risk)
        told = risk[:, self.events].sum(1)
        cost = (self.penalty * beta**2).sum(1) / 2
        return np.asarray((np.log(below) + top).sum(1) - told + cost, np.float64)

    def derivatives(self, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The way down ``(s, c)``, and the curvature ``(s, c, c)``."""
        weight, below, _ = self._risks(beta @ self.terms.T)
        means = (self.alive * weight[:, None, :]) @ self.terms / below[..., None]
        slope = self.terms[self.events].sum(0) - means.sum(1) - self.penalty * beta
        counts = weight * ((1 / below) @ self.alive)
        curved = (counts[:, None, :] * self.terms.T) @ self.terms - means.swapaxes(1, 2) @ means
        diagonal = np.arange(beta.shape[1])
        curved[:, diagonal, diagonal] += self.penalty
        return slope, curved

    def _risks(self, risk: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Hazards ``(s, n)`` and their sums over who is alive ``(s, k)``, over ``exp(top)``."""
        top = risk.max(1, keepdims=True)
        weight = np.exp(risk - top)
        return weight, np.maximum(weight @ self.alive.T, np.finfo(np.float64).tiny), top
