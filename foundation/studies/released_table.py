"""Published scores of prompt robustness, judged as those of a study are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.studies.released import ReleasedScore, mean_dice, released_cells
from foundation.studies.robustness.page import baseline_of
from foundation.studies.summary import Finding, Judgement, summarise_cells
from foundation.studies.words import estimate_text, p_text


@dataclass(frozen=True)
class ReleasedMean:
    """What published scores say of one condition.

    Parameters
    ----------
    perturbation, radius
        The condition.
    dice
        The mean, as the paper takes it.
    scores
        Of how many scores it is.
    finding
        With intervals over cases and the difference from the prompt as it was; None where scores do
        not say of which case they are, so that nothing can be paired.
    """

    perturbation: str
    radius: int
    dice: float
    scores: int
    finding: Finding | None = None

    def texts(self) -> tuple[str, ...]:
        """Return condition, mean, number of scores, interval, difference and p as text."""
        condition = f"{self.perturbation} {self.radius}" if self.radius else self.perturbation
        found = self.finding
        judged = (
            ("no case is named", "not paired", "-")
            if found is None
            else (
                estimate_text(found.score),
                estimate_text(found.change, sign=True),
                p_text(found.difference),
            )
        )
        return condition, f"{self.dice:.4f}", str(self.scores), *judged

    def as_dict(self) -> dict[str, object]:
        """Return the same for JSON, numbers in full."""
        change = self.finding and self.finding.change
        interval = change and change.interval
        return {
            "perturbation": self.perturbation, "radius": self.radius, "dice": self.dice,
            "scores": self.scores, "cases": change.subjects if change else None,
            "difference": change.mean if change else None,
            "interval": [interval.low, interval.high] if interval else None,
        }  # fmt: skip


RELEASED_TITLES = ("condition", "Dice", "scores", "by case", "difference from none", "p (Holm)")


def released_means(
    scores: Sequence[ReleasedScore], model: str, how: Judgement
) -> list[ReleasedMean]:
    """Summarise every condition of published scores; those with cases are compared in pairs.

    Parameters
    ----------
    scores
        What :func:`foundation.studies.released.read_released` returned.
    model
        Whose they are.
    how
        The seed and level of intervals.

    Examples
    --------
    >>> lists = [ReleasedScore("dilate", 1, "liver", None, dice) for dice in (0.8, 0.9)]
    >>> released_means(lists, "a model", Judgement())[0].texts()
    ('dilate 1', '0.8500', '2', 'no case is named', 'not paired', '-')
    """
    keyed = [each for each in scores if each.case is not None]
    found = {
        (each.condition.perturbation, int(each.condition.magnitude)): each
        for each in summarise_cells(released_cells(keyed, model), baseline_of, how)
    }
    counts: dict[tuple[str, int], int] = {}
    for each in scores:
        condition = each.perturbation, each.radius
        counts[condition] = counts.get(condition, 0) + 1
    return [
        ReleasedMean(*condition, dice, counts[condition], found.get(condition))
        for condition, dice in sorted(mean_dice(list(scores)).items())
    ]
