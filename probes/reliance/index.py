"""Index: how much of a model's skill is left under suppression, and hence how much it relied."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probes.reliance.answers import PLAIN, RelianceCondition
from probes.reliance.skill import Rows, TaskKind, skill
from regkit.errors import InputError
from regkit.statistics import Interval, percentile_interval

_ROUNDING = 1e-6  # of scores in single precision: the same as a guess is no skill


@dataclass(frozen=True, eq=False)
class LevelSkill:
    """The skill at one level of one suppressor, the mean over its draws.

    Parameters
    ----------
    suppressor, level, strength
        The condition.
    draws
        How often it was drawn.
    skill
        In units of the metric.
    relative
        ``(skill - chance) / (plain skill - chance)``: 1 where nothing was lost, 0 at chance.
    samples
        ``(1 + resamples,)`` of ``relative``, in the order of the weights; models that were asked
        about the same images are compared by them.
    """

    suppressor: str
    level: int
    strength: float
    draws: int
    skill: Interval
    relative: Interval
    samples: Rows


@dataclass(frozen=True, eq=False)
class RelianceIndex:
    """One minus the mean relative skill over the levels of a suppressor.

    Parameters
    ----------
    suppressor
        Its name.
    index
        0 where the model loses nothing, 1 where it falls to chance at every level.
    samples
        As :class:`LevelSkill`.
    """

    suppressor: str
    index: Interval
    samples: Rows


@dataclass(frozen=True, eq=False)
class Reliance:
    """What one model loses by each suppressor.

    Parameters
    ----------
    plain
        Its skill on the images as they are.
    chance
        The skill of answers that know nothing.
    levels
        Every level of every suppressor.
    indices
        One a suppressor.
    """

    plain: Interval
    chance: float
    levels: Sequence[LevelSkill]
    indices: Sequence[RelianceIndex]


def reliance(
    answers: NDArray[np.float32],
    conditions: Sequence[RelianceCondition],
    truth: Rows,
    task: TaskKind,
    weights: Rows,
    *,
    chance: Rows | float,
    level: float = 0.95,
) -> Reliance:
    """Judge the answers of one model.

    Parameters
    ----------
    answers
        ``(conditions, N, K)``, of :func:`~probes.reliance.answers.ask_all`.
    conditions
        What each row was asked under; the plain images are among them.
    truth
        ``(N,)`` or ``(N, K)``.
    task
        How answers are judged.
    weights
        ``(1 + resamples, N)``, of :func:`~probes.reliance.skill.bootstrap_weights`.
    chance
        The skill of answers that know nothing: in every sample, ``(1 + resamples,)``, of
        :func:`~probes.reliance.chance.chance`, or the same in all of them.
    level
        Of the intervals.

    Raises
    ------
    InputError
        If the model does not do better than chance on the images as they are: it has no skill of
        which a share could be lost.
    """
    grouped: dict[tuple[str, int, float], list[Rows]] = defaultdict(list)
    for condition, found in zip(conditions, answers, strict=True):
        key = (condition.suppressor, condition.level, condition.strength)
        grouped[key].append(skill(task, found.astype(np.float64), truth, weights))
    plain = grouped.pop((PLAIN, 0, 0.0))[0]
    guessed = np.broadcast_to(chance, plain.shape)
    _check_skill(plain, guessed, level)
    levels = [
        _level(key, np.mean(each, axis=0), plain, guessed, len(each), level)
        for key, each in grouped.items()
    ]
    return Reliance(
        percentile_interval(plain, level), float(guessed[0]), levels, _indices(levels, level)
    )


def _check_skill(plain: Rows, chance: Rows, level: float) -> None:
    found = percentile_interval(plain - chance, level)
    if not found.low > _ROUNDING:
        raise InputError(
            f"the model's skill on the images as they are is {plain[0]:.3f}, chance is "
            f"{chance[0]:.3f}, and the interval of the difference begins at {found.low:.3f}: it "
            "has no skill of which a share could be lost"
        )


def _level(
    key: tuple[str, int, float], found: Rows, plain: Rows, chance: Rows, draws: int, level: float
) -> LevelSkill:
    relative = (found - chance) / (plain - chance)
    return LevelSkill(
        *key,
        draws,
        percentile_interval(found, level),
        percentile_interval(relative, level),
        relative,
    )


def _indices(levels: Sequence[LevelSkill], level: float) -> list[RelianceIndex]:
    names = dict.fromkeys(each.suppressor for each in levels)
    found = []
    for name in names:
        own = [each.samples for each in levels if each.suppressor == name]
        samples = 1 - np.mean(own, axis=0)
        found.append(RelianceIndex(name, percentile_interval(samples, level), samples))
    return found
