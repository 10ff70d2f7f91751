"""L-BFGS for the few parameters of a linear motion: each value costs a look at both images.

Liu and Nocedal, Mathematical Programming 1989; its first step, its end and its line search's
constants are those of L-BFGS-B 3.0 (Morales and Nocedal, ACM TOMS 2011), whose import from SciPy
takes a tenth of a second and more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from regkit.registration.linear_parameters import Vector

Cost = Callable[[Vector], tuple[float, Vector]]

_KEPT = 10  # steps that are remembered
_FLAT = 1e-9  # of each part of the gradient
_DECREASE, _CURVATURE = 1e-3, 0.9  # of the conditions of Wolfe
_TRIALS = 30  # values that a line search may look at
_INSIDE = 0.1  # of a bracket, kept from its ends
_NARROW = 0.1  # of its farther end: a bracket in which one step is as good as another
_FARTHER = 1.1, 4.0  # times the last step, where there is no bracket yet


@dataclass(frozen=True)
class Minimum:
    """Where a minimisation ended, the value after each iteration, and whether it converged."""

    at: Vector
    values: tuple[float, ...]
    converged: bool


class _Point(NamedTuple):
    at: Vector
    value: float
    gradient: Vector


class _Step(NamedTuple):
    """A step that was taken, and how it changed the gradient."""

    way: Vector
    change: Vector


class _Trial(NamedTuple):
    """A step along a line, with the value there and its slope."""

    step: float
    value: float
    slope: float


def minimize(
    cost: Cost,
    start: Vector,
    *,
    iterations: int,
    tolerance: float,
    after: Callable[[Vector, float], bool] = lambda *_: False,
) -> Minimum:
    """Minimise a smooth function of a few parameters.

    Parameters
    ----------
    cost
        Gives value and gradient ``(P,)`` at parameters ``(P,)``, which are scaled so that a step of
        length 1 is a sensible first one.
    start
        ``(P,)``.
    iterations
        The most that may be taken.
    tolerance
        It ends when a step gains less than this share of the value, or of 1 if that is more.
    after
        Called after every iteration with parameters and value; it ends where this returns True.

    Returns
    -------
    Minimum
        The best point; it has converged unless ``iterations`` or ``after`` ended it, or no step
        led lower.

    Examples
    --------
    >>> def cost(p):
    ...     return float(((p - 3) ** 2).sum()), 2 * (p - 3)
    >>> minimize(cost, np.zeros(2), iterations=20, tolerance=1e-9).at.round(6).tolist()
    [3.0, 3.0]
    """
    here = _Point(start, *cost(start))
    known, values = list[_Step](), list[float]()
    converged = bool(np.abs(here.gradient).max() <= _FLAT)
    while not converged and len(values) < iterations:
        direction = _direction(here.gradient, known)
        length = float(np.linalg.norm(direction))
        there = _search(cost, here, direction, 1.0 if known else 1 / length)
        if there is None:
            if not known:
                break
            known = []  # what was remembered leads nowhere: once more along the gradient
            continue
        known = _remembered(known, _Step(there.at - here.at, there.gradient - here.gradient))
        gain, here = here.value - there.value, there
        values.append(here.value)
        if after(here.at, here.value):
            break
        flat = float(np.abs(here.gradient).max()) <= _FLAT
        converged = flat or gain <= tolerance * max(abs(here.value + gain), abs(here.value), 1.0)
    return Minimum(here.at, tuple(values), converged)


def _remembered(known: list[_Step], last: _Step) -> list[_Step]:
    """The last steps; one that shows no curvature is left out."""
    flat = float(last.way @ last.change) <= np.finfo(float).eps * float(last.change @ last.change)
    return known if flat else [*known, last][-_KEPT:]


def _direction(gradient: Vector, known: list[_Step]) -> Vector:
    """Where to go: the gradient, by the inverse Hessian that the last steps tell of."""
    out, shares = -gradient, []
    for step, change in reversed(known):
        shares.append((step @ out) / (step @ change))
        out = out - shares[-1] * change
    if known:
        step, change = known[-1]
        out = out * ((step @ change) / (change @ change))
    for (step, change), share in zip(known, reversed(shares), strict=True):
        out = out + (share - (change @ out) / (step @ change)) * step
    return out


def _search(cost: Cost, here: _Point, direction: Vector, step: float) -> _Point | None:
    """A point along a line that is lower and less steep; None where none is lower."""
    first = _Trial(0.0, here.value, float(here.gradient @ direction))
    if not first.slope < 0:
        return None
    low, high, found = first, None, None
    for _ in range(_TRIALS):
        at = here.at + step * direction
        there = _Point(at, *cost(at))
        trial = _Trial(step, there.value, float(there.gradient @ direction))
        enough = trial.value <= first.value + _DECREASE * step * first.slope
        if not enough or (found and trial.value >= low.value):
            high = trial
        elif abs(trial.slope) <= -_CURVATURE * first.slope:
            return there
        else:
            before, low, found = low, trial, there
            if high is None and trial.slope < 0:
                step = _farther(before, trial)
                continue
            if high is None or trial.slope * (high.step - trial.step) >= 0:
                high = before
        if abs(high.step - low.step) <= _NARROW * max(high.step, low.step):
            break
        step = _between(low, high)
    return found


def _farther(before: _Trial, last: _Trial) -> float:
    """A step beyond the last one, from which the line still falls."""
    reach = last.step - before.step
    least, most = (last.step + share * reach for share in _FARTHER)
    lowest = _lowest(before, last)
    return min(max(lowest, least), most) if lowest > last.step else most


def _between(low: _Trial, high: _Trial) -> float:
    """A step within a bracket: where a cubic is lowest, but not at the ends."""
    reach = high.step - low.step
    lowest = _lowest(low, high)
    share = 0.5 if math.isnan(lowest) else (lowest - low.step) / reach
    return low.step + reach * min(max(share, _INSIDE), 1 - _INSIDE)


def _lowest(one: _Trial, other: _Trial) -> float:
    """Where the cubic through two trials is lowest; NaN where it has no minimum."""
    way = other.step - one.step
    mean = one.slope + other.slope - 3 * (other.value - one.value) / way
    square = mean**2 - one.slope * other.slope
    if not 0 <= square < math.inf:
        return math.nan
    root = math.copysign(math.sqrt(square), way)
    below = other.slope - one.slope + 2 * root
    return other.step - way * (other.slope + root - mean) / below if below else math.nan
