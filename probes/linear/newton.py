"""Newton's method for convex problems with several penalties at once."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from probes.linear.target import FloatArray

_MOST_STEPS, _FLAT = 50, 1e-12


class NewtonProblem(Protocol):
    """A convex function of coefficients ``(c,)``, once for each of ``s`` penalties."""

    def objective(self, beta: FloatArray) -> FloatArray:
        """Return what is minimised ``(s,)``, at ``beta (s, c)``."""

    def derivatives(self, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the way down ``(s, c)`` and the curvature ``(s, c, c)`` at ``beta``."""


def minimise(problem: NewtonProblem, start: FloatArray) -> FloatArray:
    """Return the coefficients ``(s, c)`` at which the objective is least.

    Parameters
    ----------
    problem
        With a penalty, so that there is one such place.
    start
        ``(s, c)``.
    """
    beta, here = start, problem.objective(start)
    before = np.full(len(beta), np.inf)
    for _ in range(_MOST_STEPS):
        step, gain = _newton_step(problem, beta)
        beta, here = _damped(problem, beta, step, here)
        if ((gain < _FLAT) | ((gain >= before) & (gain < 1e-6))).all():
            break
        before = gain
    return beta


def _newton_step(problem: NewtonProblem, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The steps ``(s, c)``, and twice what each promises to gain ``(s,)``."""
    slope, curved = problem.derivatives(beta)
    step = np.asarray(np.linalg.solve(curved, slope[..., None])[..., 0], np.float64)
    return step, np.asarray((step * slope).sum(1), np.float64)


def _damped(
    problem: NewtonProblem, beta: FloatArray, step: FloatArray, here: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Where the steps lead and the objective there; each is halved until it leads not up."""
    for _ in range(_MOST_STEPS):
        there = problem.objective(beta + step)
        up = there > here + 1e-12 * abs(here)
        if not up.any():
            break
        step = np.where(up[:, None], step / 2, step)
    return beta + step, there
