"""What the cells of a study say, with subjects as the unit."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
from scipy.stats import wilcoxon

from foundation.studies.cells import MEASURED, StudyCell
from regkit.statistics import Interval, bootstrap_interval, holm

FAILURE = "failure"
"""The metric that is 1 where the Dice of a cell is below the bound of the study, and else 0."""
FEWEST_FOR_P = 6
"""With fewer subjects the signed-rank test cannot reach 0.05, and no p is given."""


@dataclass(frozen=True, order=True)
class PromptCondition:
    """What is compared: a model, and how it was asked."""

    model: str
    prompt: str
    perturbation: str
    magnitude: float
    unit: str

    @classmethod
    def of(cls, cell: StudyCell) -> PromptCondition:
        """The condition of a cell."""
        return cls(cell.model, cell.prompt, cell.perturbation, cell.magnitude, cell.unit)


@dataclass(frozen=True)
class Estimate:
    """A mean over subjects.

    Parameters
    ----------
    mean
        Over subjects; of one subject it is a description, not an estimate.
    subjects
        How many.
    interval
        By bootstrap over subjects; None where there are fewer than two.
    """

    mean: float
    subjects: int
    interval: Interval | None = None


@dataclass(frozen=True)
class Difference:
    """How far a condition is from its baseline, over the questions that both answered.

    Parameters
    ----------
    estimate
        The condition minus the baseline.
    p
        Of Wilcoxon's signed-rank test, two-sided; None below :data:`FEWEST_FOR_P` subjects.
    p_holm
        The same, corrected by Holm for all conditions of one model.
    """

    estimate: Estimate
    p: float | None = None
    p_holm: float | None = None


@dataclass(frozen=True)
class Finding:
    """All that is said of a condition.

    Parameters
    ----------
    condition
        Which one.
    score
        The mean of the metric; None where no cell could be measured.
    difference
        From the baseline of its model; None where nothing can be paired.
    states
        How many cells ended how.
    realised, relative
        Means of what was measured of the perturbation.
    echo
        The metric of the prompt itself, averaged as the score is; None where the metric is no Dice
        and no failure, or prompts are neither masks nor boxes.
    gain
        The score minus that of the prompt itself, over the same questions: what a model adds.
    """

    condition: PromptCondition
    score: Estimate | None
    difference: Difference | None
    states: Mapping[str, int]
    realised: float | None = None
    relative: float | None = None
    echo: Estimate | None = None
    gain: Estimate | None = None

    @property
    def change(self) -> Estimate | None:
        """The difference from the baseline, None where there is none."""
        return None if self.difference is None else self.difference.estimate


def mean_change(finding: Finding) -> float:
    """The mean difference of a finding from its baseline, 0 where there is none."""
    return 0.0 if finding.change is None else finding.change.mean


@dataclass(frozen=True)
class Judgement:
    """How cells are judged: which metric, the bound of a failure, and what draws intervals."""

    metric: str = "dice"
    failure_below: float = 0.5
    level: float = 0.95
    resamples: int = 10_000
    seed: int = 0

    def value(self, cell: StudyCell) -> float | None:
        """The metric of a cell that was measured, or None."""
        found = self._judged(cell.dice) if self._of_dice else getattr(cell, self.metric)
        return float(found) if cell.status in MEASURED and found is not None else None

    def echo(self, cell: StudyCell) -> float | None:
        """The same of the prompt, where that is known: what a model has that returns it."""
        known = self._of_dice and cell.status in MEASURED
        return self._judged(cell.prompt_dice) if known else None

    @property
    def _of_dice(self) -> bool:
        return self.metric in ("dice", FAILURE)

    def _judged(self, dice: float | None) -> float | None:
        if dice is None or self.metric != FAILURE:
            return dice
        return float(dice < self.failure_below)

    def estimate(self, by_subject: Mapping[str, float], name: str) -> Estimate | None:
        """The mean over subjects; the draws depend on the seed and on ``name`` alone."""
        values = [by_subject[subject] for subject in sorted(by_subject)]
        if len(values) < 2:
            return Estimate(values[0], 1) if values else None
        word = hashlib.sha256(f"{self.seed} {self.metric} {name}".encode()).digest()
        interval = bootstrap_interval(
            values, generator=np.random.default_rng(int.from_bytes(word[:8])),
            level=self.level, resamples=self.resamples, method="percentile",
        )  # fmt: skip
        return Estimate(fmean(values), len(values), interval)


def summarise_cells(
    cells: Iterable[StudyCell],
    baseline: Callable[[PromptCondition], PromptCondition | None],
    judgement: Judgement,
) -> list[Finding]:
    """Summarise every condition of a study.

    A subject's score is the mean over its images, of the mean over structures, of the mean over
    seeds: neither a large structure nor one that occurs often counts for more.

    Parameters
    ----------
    cells
        In any order.
    baseline
        A condition to the one that it is compared with; None where there is none.
    judgement
        How.

    Returns
    -------
    list
        In the order in which conditions first occur.
    """
    groups: dict[PromptCondition, list[StudyCell]] = defaultdict(list)
    for cell in cells:
        groups[PromptCondition.of(cell)].append(cell)
    found = [
        _finding(condition, each, groups.get(baseline(condition) or condition), judgement)
        for condition, each in groups.items()
    ]
    return _corrected(found)


def _finding(
    condition: PromptCondition,
    cells: Sequence[StudyCell],
    base: Sequence[StudyCell] | None,
    how: Judgement,
) -> Finding:
    values, echoes = (_by_question(cells, value_of) for value_of in (how.value, how.echo))
    compared = None
    if base is not None and base is not cells:
        by_subject = _differences(values, _by_question(base, how.value), cells)
        compared = _difference(by_subject, how.estimate(by_subject, f"difference {condition}"))
    asked = replace(condition, model="")  # the prompts of all models are the same
    return Finding(
        condition, how.estimate(_by_subject(values, cells), f"{condition}"), compared,
        dict(Counter(cell.status for cell in cells)),
        _mean(cell.realised for cell in cells), _mean(cell.relative for cell in cells),
        how.estimate(_by_subject(echoes, cells), f"echo {asked}"),
        how.estimate(_differences(values, echoes, cells), f"gain {condition}"),
    )  # fmt: skip


def _by_question(
    cells: Sequence[StudyCell], value_of: Callable[[StudyCell], float | None]
) -> dict[tuple[str, str], float]:
    """The mean over seeds of each case and structure."""
    drawn: dict[tuple[str, str], list[float]] = defaultdict(list)
    for cell in cells:
        value = value_of(cell)
        if value is not None:
            drawn[cell.case, cell.label].append(value)
    return {question: fmean(values) for question, values in drawn.items()}


def _by_subject(
    values: Mapping[tuple[str, str], float], cells: Sequence[StudyCell]
) -> dict[str, float]:
    owner = {cell.case: cell.subject for cell in cells}
    of_case: dict[str, list[float]] = defaultdict(list)
    for (case, _), value in sorted(values.items()):
        of_case[case].append(value)
    of_subject: dict[str, list[float]] = defaultdict(list)
    for case, scores in of_case.items():
        of_subject[owner[case]].append(fmean(scores))
    return {subject: fmean(scores) for subject, scores in of_subject.items()}


def _differences(
    values: Mapping[tuple[str, str], float],
    base: Mapping[tuple[str, str], float],
    cells: Sequence[StudyCell],
) -> dict[str, float]:
    """By subject, over the questions that both answered."""
    both = {question: values[question] - base[question] for question in values.keys() & base.keys()}
    return _by_subject(both, cells)


def _difference(by_subject: Mapping[str, float], estimate: Estimate | None) -> Difference | None:
    return None if estimate is None else Difference(estimate, signed_rank(by_subject.values()))


def signed_rank(differences: Iterable[float]) -> float | None:
    """Return the two-sided p of Wilcoxon's signed-rank test.

    Parameters
    ----------
    differences
        One a subject.

    Returns
    -------
    float or None
        None of fewer than :data:`FEWEST_FOR_P` subjects, 1 where nothing differs.

    Examples
    --------
    >>> signed_rank([1, 2, 3, 4, 5]), signed_rank([1, 2, 3, 4, 5, 6])
    (None, 0.03125)
    """
    values = np.array(list(differences), dtype=np.float64)
    if len(values) < FEWEST_FOR_P:
        return None
    return float(wilcoxon(values).pvalue) if values.any() else 1.0


def _corrected(found: Sequence[Finding]) -> list[Finding]:
    """The same findings, with p corrected for all conditions of one model."""
    out = list(found)
    for model in {each.condition.model for each in found}:
        tested = {
            n: (each.difference, each.difference.p)
            for n, each in enumerate(found)
            if each.condition.model == model and each.difference and each.difference.p is not None
        }
        corrected = holm([p for _, p in tested.values()]) if tested else ()
        for (n, (difference, _)), p in zip(tested.items(), corrected, strict=True):
            out[n] = replace(out[n], difference=replace(difference, p_holm=float(p)))
    return out


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
