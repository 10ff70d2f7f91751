"""From the cells of a table to rows: names of columns, files and options, each judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from regkit.cohort.kind import RowKind
from regkit.cohort.problems import Problems
from regkit.cohort.row import PairRow
from regkit.cohort.table import PairTable, TableRecord
from regkit.errors import InputError
from regkit.runs.register.names import stem
from regkit.settings import near

ABOUT = ("subject", "session", "output")
OPTIONS = "options"
_BETWEEN = ";"


def check_columns(table: PairTable, kind: RowKind, problems: Problems) -> None:
    """Note columns that are missing or that nobody knows.

    Parameters
    ----------
    table
        The table as it was read.
    kind
        The kind of its rows, which knows their columns.
    problems
        Where the problems are noted.
    """
    known = {*kind.files, *ABOUT, OPTIONS, *(kind.options or ())}
    for column in kind.required:
        if column not in table.columns:
            given = ", ".join(table.columns)
            problems.add(f"{table.name}: has no column {column!r}; its columns are {given}")
    for column in table.columns:
        if column not in known and kind.options is not None:
            problems.add(f"{table.name}: column {column!r} is unknown{near(column, known)}")


def parse(
    table: PairTable, kind: RowKind, shared: Mapping[str, Any], problems: Problems
) -> list[PairRow]:
    """Make the rows of a table whose columns are known, and note what is wrong with them.

    Parameters
    ----------
    table
        The table as it was read.
    kind
        The kind of its rows, which knows their columns and options.
    shared
        Options of every row, unless it has its own.
    problems
        Where the problems are noted, with their lines.
    """
    rows = []
    for record in table.records:
        with problems.at(table.at(record.line)):
            rows.append(_row(table, kind, record, shared, problems))
    return rows


def _row(
    table: PairTable,
    kind: RowKind,
    record: TableRecord,
    shared: Mapping[str, Any],
    problems: Problems,
) -> PairRow:
    given = record.values
    columns = file_columns(kind, given)
    missing = [c for c in kind.required if c not in given and c in table.columns]
    for column in missing:
        problems.add(f"{table.at(record.line)}: {column} is empty; name a file")
    files = {}
    for column in columns:
        if column in given:
            files[column] = _files(table, kind, record, column, problems)
    row = PairRow(
        record.line,
        files,
        {**shared, **_options(kind, given)},
        str(given.get("subject", "")),
        str(given.get("session", "")),
    )
    return _named(row, kind, str(given.get("output", "")))


def file_columns(kind: RowKind, given: Mapping[str, Any]) -> list[str]:
    """The columns of a row that hold files."""
    if kind.options is not None:
        return list(kind.files)
    return [column for column in given if column not in {*ABOUT, OPTIONS}]


def _files(
    table: PairTable, kind: RowKind, record: TableRecord, column: str, problems: Problems
) -> tuple[Path, ...]:
    cell = record.values[column]
    words = cell if isinstance(cell, list) else str(cell).split(_BETWEEN)
    several = column in kind.several
    words = [str(word).strip() for word in words] if several else [str(cell)]
    out = []
    for word in filter(None, words):
        path = table.file(word)
        if not path.exists():
            where = f"{table.at(record.line)}: {column} {word!r} does not exist"
            problems.add(f"{where}{_nearest(path)}")
        out.append(path)
    return tuple(out)


def _nearest(path: Path) -> str:
    beside = _beside(path.parent)
    if beside is None:
        return f"; there is no folder {path.parent.name!r} either"
    if "\\" in path.name:
        return "; write / between folders"
    hint = near(path.name, beside) if beside else ""
    return hint if "did you mean" in hint else "; check the path"


@cache
def _beside(folder: Path) -> tuple[str, ...] | None:
    return tuple(each.name for each in folder.iterdir()) if folder.is_dir() else None


def _options(kind: RowKind, given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a column of their own, over those that the column `options` has together."""
    together = given.get(OPTIONS, {})
    if isinstance(together, str):
        together = _as_object(together)
    if not isinstance(together, dict):
        raise InputError(f"options are {together!r:.40}; allowed: an object of names and values")
    if kind.options is None:
        return together
    for name in together:
        if name not in kind.options:
            raise InputError(f"option {name!r:.40} is unknown{near(name, kind.options)}")
    single = {name: value_of(given[name]) for name in kind.options if name in given}
    return {**together, **single}


def _as_object(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        example = '{"similarity": "mi"}'
        raise InputError(f"options {text!r:.40} are no JSON ({error}); write {example}") from error


def value_of(cell: Any) -> Any:
    """The value that a cell stands for: a number, true, false, a list, or a word.

    Examples
    --------
    >>> value_of("0.5"), value_of("[2, 1]"), value_of("mi"), value_of(3)
    (0.5, [2, 1], 'mi', 3)
    """
    if not isinstance(cell, str) or "&" in cell or "*" in cell:  # of these YAML makes copies
        return cell
    try:
        return yaml.safe_load(cell)
    except (yaml.YAMLError, ValueError, RecursionError):
        return cell


def _named(row: PairRow, kind: RowKind, given: str) -> PairRow:
    """The row with the folder of its results."""
    name = given or _name(row, kind)
    if name in ("", ".", "..") or Path(name).name != name or name.startswith("."):
        raise InputError(f"output {name!r:.60} is no name of a folder; give one without slashes")
    return PairRow(row.line, row.files, row.options, row.subject, row.session, name)


def _name(row: PairRow, kind: RowKind) -> str:
    """``moving_to_fixed``, behind subject and session where they do not begin the name."""
    parts = [stem(paths[0]) for c in (kind.output, kind.onto) if (paths := row.files.get(c))]
    name = "_to_".join(parts) or f"row-{row.line}"
    before = [word for word in (row.subject, row.session) if word and word not in name]
    return "_".join([*before, name])
