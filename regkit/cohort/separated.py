"""Rows of text whose cells a comma, a semicolon or a tab separates, as spreadsheets write it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from regkit.cohort.problems import Problems
from regkit.errors import InputError

_SEPARATORS = (",", ";", "\t")
_SAID = "sep="  # as Excel writes it in front


@dataclass(frozen=True)
class SeparatedText:
    """The columns of a text and its rows, each with the line on which it begins."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def separated_text(name: str, text: str, separator: str | None = None) -> SeparatedText:
    r"""Take a text apart; blank lines are left out, and so are empty columns without a name.

    Parameters
    ----------
    name
        What messages call the file.
    text
        All of it.
    separator
        What separates its cells. None for what the first line says: a comma if it has one, else a
        semicolon or a tab.

    Raises
    ------
    InputError
        If it is no such text, or says no columns; a TableError, if rows have other numbers of
        cells than the first line.

    Examples
    --------
    >>> separated_text("a.csv", "sep=;\nfixed;moving;\na.nii;b.nii;\n").rows
    ((3, ('a.nii', 'b.nii')),)
    """
    lines, begins = text.splitlines(keepends=True), 1
    if lines and lines[0].startswith(_SAID) and len(lines[0].strip()) <= len(_SAID) + 1:
        separator, lines, begins = lines[0][len(_SAID)], lines[1:], 2
    reader = csv.reader(lines, delimiter=separator or _separator(lines), strict=True)
    try:
        found = list(_numbered(reader, begins))
    except csv.Error as error:
        line = reader.line_num + begins - 1
        raise InputError(f"{name}: line {line}: is no CSV: {error}") from error
    if not found:
        raise InputError(f"{name}: is empty; the first line must name the columns")
    return _without_empty(_checked(name, found))


def _separator(lines: list[str]) -> str:
    first = next(filter(str.strip, lines), "")
    return next((each for each in _SEPARATORS if each in first), ",")


def _numbered(reader: Any, begins: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Rows that are not blank, with the line on which each begins."""
    above = begins - 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield begins, tuple(map(str.strip, cells))
        begins = above + reader.line_num + 1


def _checked(name: str, found: list[tuple[int, tuple[str, ...]]]) -> SeparatedText:
    """Refuse rows that are shorter or longer than the first line, all of them at once."""
    (_, columns), *rows = found
    problems = Problems()
    for line, cells in rows:
        if len(cells) != len(columns):
            problems.add(
                f"{name}: line {line} has {len(cells)} cells and the first line names "
                f"{len(columns)} columns; give every row as many, empty ones included"
            )
    problems.refuse(name)
    return SeparatedText(columns, tuple(rows))


def _without_empty(text: SeparatedText) -> SeparatedText:
    """The same without columns that have neither a name nor a cell, as spreadsheets add them."""
    keep = [
        n
        for n, column in enumerate(text.columns)
        if column or any(cells[n] for _, cells in text.rows)
    ]
    rows = tuple((line, tuple(cells[n] for n in keep)) for line, cells in text.rows)
    return SeparatedText(tuple(text.columns[n] for n in keep), rows)
