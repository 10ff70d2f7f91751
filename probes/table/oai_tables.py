"""Clinical tables of OAI: bars between columns, visits in their names, words after codes."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from regkit.errors import InputError

SIDES = {"1": "RIGHT", "2": "LEFT"}
MONTHS = {
    "00": "00", "01": "12", "02": "18", "03": "24", "04": "30", "05": "36", "06": "48",
    "07": "60", "08": "72", "09": "84", "10": "96", "11": "108",
}  # fmt: skip
"""The months after entry of ``V00`` to ``V11``; ``V99`` speaks of the whole study."""
_VISIT = re.compile(r"^V(\d\d)")
_CODED = re.compile(r"(-?\d+): ")
_UNKNOWN = re.compile(r"\.[A-Z]?(:|$)")

Knee = tuple[str, str, str]
"""Participant, month and side; "" where a value is of all visits or both sides."""


def read_oai_tables(paths: Iterable[Path]) -> dict[Knee, dict[str, str]]:
    """Read the values of every person, visit and side.

    A cell such as ``1: Right`` is its code, one such as ``.A: Not Expected`` is not known. Where
    several projects have read one knee, a value is that of the lowest ``READPRJ`` that knows it:
    15 before 37.

    Parameters
    ----------
    paths
        Such as ``kxr_sq_bu00.txt`` and ``AllClinical00.txt``.

    Raises
    ------
    InputError
        If a table has no column ``ID``, or a side that is neither right nor left.
    """
    found: dict[Knee, dict[str, str]] = {}
    for path in paths:
        for cells in sorted(_rows(path), key=_project):
            side = _side(path, cells)
            for name, value in cells.items():
                key, column = _place(name, cells["ID"], side)
                found.setdefault(key, {}).setdefault(column, value)
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    """What is known in each row, by upper-case names."""
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    rows = [
        {name.upper(): _value(cell) for name, cell in cells.items() if name and cell}
        for cells in csv.DictReader(lines, delimiter="|")
    ]
    if not all(row.get("ID") for row in rows):
        raise InputError(f"{path.name}: has a row without an ID; OAI has ID|... in its first line")
    return [{name: value for name, value in row.items() if value} for row in rows]


def _value(cell: str) -> str:
    word = cell.strip()
    if _UNKNOWN.match(word):
        return ""
    coded = _CODED.match(word)
    return coded[1] if coded else word


def _project(cells: Mapping[str, str]) -> int:
    return int(cells["READPRJ"]) if cells.get("READPRJ", "").isdigit() else 0


def _side(path: Path, cells: Mapping[str, str]) -> str:
    code = cells.get("SIDE", "")
    if code and code not in SIDES:
        raise InputError(
            f"{path.name}: SIDE of {cells['ID']} is {code!r:.40}; allowed: 1: Right, 2: Left"
        )
    return SIDES.get(code, "")


def _place(name: str, person: str, side: str) -> tuple[Knee, str]:
    """Whose a value is, and its name without the visit."""
    visit = _VISIT.match(name)
    month = MONTHS.get(visit[1], "") if visit else ""
    return (person, month, side), name[3:] if month else name
