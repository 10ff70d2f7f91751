"""Tables: rows of numbers, printed as markdown or kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """One table of one case.

    Parameters
    ----------
    title
        What it shows, in a line.
    columns
        Column names and how their numbers are written (a format such as ``.3f``).
    rows
        What each column holds; a cell that is missing or None stays empty.
    notes
        Lines under the table: what one must know to read it.
    """

    title: str
    columns: Mapping[str, str]
    rows: Sequence[Row]
    notes: Sequence[str] = field(default_factory=tuple)

    def markdown(self) -> str:
        """The table as GitHub shows it.

        Examples
        --------
        >>> print(Table("t", {"what": "", "s": ".1f"}, [{"what": "a", "s": 1.26}]).markdown())
        **t**
        <BLANKLINE>
        | what | s |
        |---|---|
        | a | 1.3 |
        """
        lines = [
            f"| {' | '.join(self.columns)} |",
            "|" + "---|" * len(self.columns),
            *(f"| {' | '.join(self._cells(row))} |" for row in self.rows),
        ]
        notes = ["", *self.notes] if self.notes else []
        return "\n".join([f"**{self.title}**", "", *lines, *notes])

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON, numbers in full."""
        return {
            "title": self.title,
            "columns": list(self.columns),
            "rows": [dict(row) for row in self.rows],
            "notes": list(self.notes),
        }

    def _cells(self, row: Row) -> list[str]:
        return [_cell(row.get(name), spec) for name, spec in self.columns.items()]


def _cell(value: Any, spec: str) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else format(value, spec)
