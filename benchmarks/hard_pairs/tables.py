"""What is shown: a table of all families, and one of each, a row a pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from benchmarks.hard_pairs.judging import FAILED_DICE, FAILED_MM, Outcome, best_dice, tally
from benchmarks.hard_pairs.methods import OWN, PEERS
from benchmarks.table import Row, Table

_SUMMARY = {
    "family": "",
    "method": "",
    "pairs": "d",
    "mean": ".2f",
    "p95": ".2f",
    "worst": ".1f",
    "dice": ".3f",
    "failures": "d",
    "silent": "d",
    "refused": "d",
    "alarms": "d",
    "seconds": ".1f",
}
_TITLES = {
    "mean": "mean mm",
    "p95": "p95 mm",
    "worst": "worst mm",
    "dice": "Dice",
    "silent": "of them silent",
    "alarms": "good called fail",
    "seconds": "CPU s each",
}
ALL = "all"


def summary(outcomes: Sequence[Outcome]) -> Table:
    """One row for each family and method, and the counts over all families."""
    best = best_dice(outcomes)
    rows: list[Row] = []
    for family in [*dict.fromkeys(each.family for each in outcomes), ALL]:
        inside = [each for each in outcomes if family in (each.family, ALL)]
        for method in _in_order(each.method for each in inside):
            counted = asdict(tally([each for each in inside if each.method == method], best))
            if family == ALL:
                # Methods do not enter the same families, so that their means say nothing.
                counted |= dict.fromkeys(("mean", "p95", "worst", "dice"))
            named = {_TITLES.get(name, name): value for name, value in counted.items()}
            rows.append({"family": family, "method": method, **named})
    columns = {_TITLES.get(name, name): spec for name, spec in _SUMMARY.items()}
    notes = (
        f"A failure: a mean error above {FAILED_MM:g} mm or twice the start's, an overlap more "
        f"than {FAILED_DICE:g} below that of the best tool that goes as far, an error message; "
        "among strangers, to say nothing. It is silent where the tool neither ended with an error "
        "nor called its result doubtful or fail. p95 is the mean over pairs of each pair's 95th "
        "percentile, worst the largest mean. A pair that a tool refused counts with the error of "
        "its start.",
    )
    return Table("All families", columns, rows, notes)


def of_family(family: str, outcomes: Sequence[Outcome]) -> Table:
    """A row for each pair of ``family``: what every method came to."""
    best = best_dice(outcomes)
    inside = [each for each in outcomes if each.family == family]
    methods = _in_order(each.method for each in inside)
    rows: list[Row] = []
    for pair in dict.fromkeys(each.pair for each in inside):
        found = {each.method: each for each in inside if each.pair == pair}
        first = next(iter(found.values()))
        cells = {name: _cell(each, best.get(each.case)) for name, each in found.items()}
        rows.append({"pair": pair, "half": first.half, "start": _number(first, at=True), **cells})
    columns = {"pair": "", "half": "", "start": "", **dict.fromkeys(methods, "")}
    note = "Mean error in mm, or Dice. ✗: wrong, and not said; (!): wrong or doubtful, and said."
    return Table(family, columns, rows, (note,))


def _cell(found: Outcome, best: float | None) -> str:
    if found.error:
        return "refused"
    number = _number(found)
    if found.announced:
        return f"{number} (!)".strip()
    return f"{number} ✗".strip() if found.failed(best) else number or "✓"


def _number(found: Outcome, *, at: bool = False) -> str:
    dice, error = (found.dice_start, found.start) if at else (found.dice, found.mean)
    if dice is not None:
        return f"{dice:.3f}"
    return "" if error is None else f"{error:.2f}"


def _in_order(names: Iterable[str]) -> list[str]:
    """Known methods as they are listed, then others."""
    known = [each.name for each in (*OWN, *PEERS)]
    there = dict.fromkeys(names)
    return [*(name for name in known if name in there), *(n for n in there if n not in known)]
