"""Right or wrong, and whether it was said."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import regkit as rk
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.methods import record
from benchmarks.quality import overlap, spread
from regkit.transforms import Transform

FAILED_MM = 3.0
FAILED_DICE = 0.1  # below the best of all tools
_LEAST_MM = 1.0  # twice a start of next to nothing is no failure
SILENT = ("none", "pass")


@dataclass(frozen=True)
class Outcome:
    """What one method made of one pair.

    Parameters
    ----------
    family, pair, half, method
        Which.
    start, mean, p95, worst
        Errors in millimetres of the unscaled body: at the start, and of the result.
    dice_start, dice
        Mean overlap, where labels judge.
    seconds
        Processor time of the whole process, which other work on the machine changes little; None
        where it failed.
    verdict
        What the tool says itself: ``pass``, ``doubtful``, ``fail``, or ``none``.
    error
        The message, if it ended with one.
    """

    family: str
    pair: str
    half: str
    method: str
    start: float | None = None
    mean: float | None = None
    p95: float | None = None
    worst: float | None = None
    dice_start: float | None = None
    dice: float | None = None
    seconds: float | None = None
    verdict: str = "none"
    error: str = ""
    solvable: bool = True

    @property
    def case(self) -> tuple[str, str, str]:
        """Its family and pair, and how far the method goes: only as far is anything compared."""
        return self.family, self.pair, self.method.rpartition(" ")[2]

    @property
    def announced(self) -> bool:
        """Whether the tool said that something may be wrong, or ended with an error."""
        return bool(self.error) or self.verdict not in SILENT

    def failed(self, best_dice: float | None = None) -> bool:
        """Whether it is wrong; ``best_dice`` is that of the best tool that goes as far.

        What ends with an error is a failure of a pair that can be solved. Where images have
        nothing in common, the failure is to say nothing.
        """
        if not self.solvable:
            return not self.announced
        if self.error or not (_finite(self.mean) or _finite(self.dice)):
            return True
        if self.dice is not None:
            return self.dice < max(best_dice or 0.0, self.dice) - FAILED_DICE
        mean = self.mean or 0.0
        return mean > FAILED_MM or mean > max(2 * (self.start or 0.0), _LEAST_MM)

    def as_row(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def judged(outcome: Outcome, pair: HardPair, phi: Transform) -> Outcome:
    """``outcome`` with the errors of ``phi``, or with its overlap."""
    if pair.truth is not None:
        errors = (phi(pair.points) - pair.truth(pair.points)).norm(dim=-1) / pair.scale
        found = spread(errors)
        return replace(outcome, mean=found["mean mm"], p95=found["p95 mm"], worst=found["max mm"])
    if pair.fixed_labels is not None and pair.moving_labels is not None:
        return replace(outcome, dice=_dice(pair, phi))
    return outcome


def started(pair: HardPair, method: str) -> Outcome:
    """The outcome before anything was done."""
    found = Outcome(pair.family, pair.name, pair.half, method, solvable=pair.is_solvable)
    before = judged(found, pair, rk.Affine.identity())
    return replace(found, start=before.mean, dice_start=before.dice)


def verdict(out: Path) -> str:
    """What regkit's ``run.json`` in the folder ``out`` says of the result; ``none`` if nothing."""
    path = record(out, "run")
    if not path.exists():
        return "none"
    quality = json.loads(path.read_text()).get("quality")
    return str(quality.get("verdict", "none")) if isinstance(quality, Mapping) else "none"


def best_dice(outcomes: Iterable[Outcome]) -> dict[tuple[str, str, str], float]:
    """:attr:`Outcome.case` to the best overlap that any method reached."""
    best: dict[tuple[str, str, str], float] = {}
    for each in outcomes:
        if each.dice is not None and math.isfinite(each.dice):
            best[each.case] = max(best.get(each.case, 0.0), each.dice)
    return best


@dataclass(frozen=True)
class Tally:
    """How one method did in one family.

    ``silent`` are failures of which it said nothing; ``alarms`` good results that it called fail.
    Of a pair that it refused, the error is that of the start.
    """

    pairs: int
    mean: float | None
    p95: float | None
    worst: float | None
    dice: float | None
    failures: int
    silent: int
    refused: int
    alarms: int
    seconds: float | None


def tally(outcomes: Sequence[Outcome], best: Mapping[tuple[str, str, str], float]) -> Tally:
    """Count ``outcomes``, all of one method."""
    wrong = [each.failed(best.get(each.case)) for each in outcomes]
    means = [_or_start(each.mean, each.start) for each in outcomes]
    p95s = [_or_start(each.p95, each.start) for each in outcomes]
    overlaps = [_or_start(each.dice, each.dice_start) for each in outcomes]
    seconds = [each.seconds for each in outcomes if each.seconds is not None]
    return Tally(
        pairs=len(outcomes),
        mean=_mean(means),
        p95=_mean(p95s),
        worst=max((each for each in means if each is not None), default=None),
        dice=_mean(overlaps),
        failures=sum(wrong),
        silent=sum(bad and not each.announced for bad, each in zip(wrong, outcomes, strict=True)),
        refused=sum(bool(each.error) for each in outcomes),
        alarms=sum(
            each.solvable and not bad and each.verdict == "fail"
            for bad, each in zip(wrong, outcomes, strict=True)
        ),
        seconds=_mean(seconds),
    )


def _dice(pair: HardPair, phi: Transform) -> float:
    if pair.fixed_labels is None or pair.moving_labels is None:
        return math.nan
    return float(overlap(phi, pair.fixed_labels, pair.moving_labels, pair.scored)["Dice"])


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _or_start(value: float | None, start: float | None) -> float | None:
    return value if _finite(value) else start


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
