"""VisitPair: the baseline and the follow-up of one subject, or of one of its knees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from probes.study.progression_config import OutcomeVisit, VisitOutcome
from probes.table import ProbeRow, ProbeTable
from regkit.errors import InputError


@dataclass(frozen=True)
class VisitPair:
    """Two visits.

    Parameters
    ----------
    baseline, follow_up
        Their rows.
    """

    baseline: ProbeRow
    follow_up: ProbeRow

    def told(self, outcome: VisitOutcome, what: str) -> ProbeRow:
        """Return the baseline, whose values are its own but for the outcome.

        Covariates are never those of the follow-up, which may know how it went.

        Parameters
        ----------
        outcome
            Of which visit it is, or whether it is the change between them.
        what
            What messages begin with.

        Raises
        ------
        InputError
            If the visits differ in it and none is named, or a change is of no numbers.
        """
        names = [outcome.column] if outcome.column else [outcome.time, outcome.event]
        told = {name: self._outcome(name, outcome.visit, what) for name in names}
        rest = {key: value for key, value in self.baseline.values.items() if key not in names}
        known = {key: value for key, value in told.items() if value is not None}
        return replace(self.baseline, values={**rest, **known})

    def _outcome(self, name: str, visit: OutcomeVisit, what: str) -> Any:
        first, second = (each.values.get(name) for each in (self.baseline, self.follow_up))
        if visit in ("baseline", "follow-up"):
            return first if visit == "baseline" else second
        if visit == "change":
            return None if first is None or second is None else self._change(name, what)
        if first is not None and second is not None and str(first) != str(second):
            raise InputError(
                f"{what} {self.follow_up.line}: {name} of subject {self.baseline.subject!r} is "
                f"{second!r:.40}, and {first!r:.40} at {self.baseline.visit!r}; say which is "
                "meant as outcome.visit: baseline, follow-up or change"
            )
        return second if first is None else first

    def _change(self, name: str, what: str) -> float:
        first, second = (_number(row, name, what) for row in (self.baseline, self.follow_up))
        return second - first

    def check_side(self, split: str, what: str) -> None:
        """Refuse visits on two sides of a split.

        Parameters
        ----------
        split
            The column of sides; "" where there is none. A follow-up may leave it empty.
        what
            What messages begin with.

        Raises
        ------
        InputError
            Naming both rows.
        """
        sides = [str(each.values.get(split, "")) for each in (self.baseline, self.follow_up)]
        if all(sides) and sides[0] != sides[1]:
            raise InputError(
                f"{what} {self.follow_up.line}: subject {self.follow_up.subject!r} is in "
                f"{sides[1]}, and in {sides[0]} at {self.baseline.visit!r}; put all rows of a "
                "subject on one side"
            )


def _number(row: ProbeRow, name: str, what: str) -> float:
    try:
        return float(row.values[name])
    except (TypeError, ValueError):
        raise InputError(
            f"{what} {row.line}: {name} is {row.values[name]!r:.40}, which is no number; a change "
            "is that of numbers"
        ) from None


def pair_visits(
    table: ProbeTable, visits: tuple[str, str], *, leave_out: bool = False
) -> tuple[list[VisitPair], list[str]]:
    """Bring the two visits of every subject and unit together.

    Parameters
    ----------
    table
        Where they are.
    visits
        Names of the baseline and the follow-up; other visits are not looked at.
    leave_out
        Whether a visit without its pair is left out; otherwise it is an error.

    Returns
    -------
    pairs, left_out
        In the order of the table, and subjects of whom a visit is missing.

    Raises
    ------
    InputError
        If a visit has no pair, there are two of one, or none at all.
    """
    table.check_visits()
    found: dict[tuple[str, str], dict[str, ProbeRow]] = {}
    for row in table.rows:
        if row.visit in visits:
            found.setdefault((row.subject, row.unit), {})[row.visit] = row
    if not found:
        there = ", ".join(sorted({row.visit for row in table.rows})[:12])
        raise InputError(f"{table.name}: has no visit {' or '.join(visits)}; its visits: {there}")
    single = [key for key, rows in found.items() if len(rows) < 2]
    if single and not leave_out:
        raise InputError(_missing(table, visits, found, single))
    pairs = [VisitPair(*(rows[v] for v in visits)) for rows in found.values() if len(rows) == 2]
    return pairs, [" ".join(filter(None, key)) for key in single]


def _missing(
    table: ProbeTable,
    visits: tuple[str, str],
    found: Mapping[tuple[str, str], Mapping[str, ProbeRow]],
    single: Sequence[tuple[str, str]],
) -> str:
    first = single[0]
    row = next(iter(found[first].values()))
    missing = next(visit for visit in visits if visit != row.visit)
    who = " ".join(filter(None, first))
    return (
        f"{table.what} {row.line}: subject {who!r} has visit {row.visit!r} and no {missing!r} "
        f"({len(single)} lack one); add it, or set `unpaired: leave out`"
    )
