"""Tables of pairs or images as they are read: CSV, Parquet or JSON lines, with line numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regkit.cohort.problems import Problems
from regkit.cohort.separated import separated_text
from regkit.errors import InputError, require
from regkit.io.names import display_name, extension
from regkit.io.preflight import check_regular

_MAX_BYTES = 1 << 30
_WHERE = "line"


@dataclass(frozen=True)
class TableRecord:
    """One row as the file has it.

    Parameters
    ----------
    line
        Where it is: the line of a text, or the row of a Parquet file, from 1.
    values
        By column; cells that are empty are left out.
    """

    line: int
    values: dict[str, Any]


@dataclass(frozen=True)
class PairTable:
    """A table and where it came from.

    Parameters
    ----------
    path
        The file; paths in it are relative to its folder.
    columns
        Their names, in order.
    records
        Its rows.
    where
        What its line numbers count: ``line`` or ``row``.
    """

    path: Path
    columns: tuple[str, ...]
    records: tuple[TableRecord, ...]
    where: str = _WHERE

    @property
    def name(self) -> str:
        """What messages call it."""
        return display_name(self.path)

    @property
    def folder(self) -> Path:
        """From where its paths count, absolute."""
        return self.path.absolute().parent

    def file(self, word: str) -> Path:
        """The file of a cell: from the folder of the table, or from one's own for ``~/``.

        Examples
        --------
        >>> PairTable(Path("/data/pairs.csv"), (), ()).file("~/a.nii") == Path.home() / "a.nii"
        True
        """
        return Path.home() / word[2:] if word.startswith("~/") else self.folder / word

    def shown(self, path: Path) -> str:
        """A file as the table names it: from its folder, where it is inside."""
        inside = path.is_relative_to(self.folder)
        return str(path.relative_to(self.folder) if inside else path)

    def at(self, line: int) -> str:
        """How a message begins that is about one row.

        Examples
        --------
        >>> PairTable(Path("a/pairs.csv"), (), ()).at(3)
        'pairs.csv: line 3'
        """
        return f"{self.name}: {self.where} {line}"


def read_pair_table(path: Path) -> PairTable:
    """Read a table; nothing is said yet of what its columns should be.

    Parameters
    ----------
    path
        ``.csv`` (commas, semicolons or tabs) or ``.tsv`` with a header, ``.jsonl`` with an object
        a line, or ``.parquet``.

    Raises
    ------
    InputError
        If the file is missing, has another extension, cannot be read as what it is called, or has
        no rows.
    """
    check_regular(path)
    reader = _READERS.get(extension(path))
    if reader is None:
        allowed = ", ".join(_READERS)
        raise InputError(
            f"{display_name(path)}: is no table by its name; allowed: {allowed}. Save a "
            "spreadsheet as CSV UTF-8"
        )
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{display_name(path)}: is larger than 1 GiB; split the table")
    table = reader(path)
    if not table.records:
        raise InputError(f"{table.name}: has no rows; give at least one")
    return table


def _read_csv(path: Path) -> PairTable:
    return _separated(path, None)


def _read_tsv(path: Path) -> PairTable:
    return _separated(path, "\t")


def _separated(path: Path, separator: str | None) -> PairTable:
    name = display_name(path)
    text = separated_text(name, _text(path), separator)
    _check_columns(name, text.columns)
    records = [
        TableRecord(line, _filled(dict(zip(text.columns, cells, strict=True))))
        for line, cells in text.rows
    ]
    return PairTable(path, text.columns, tuple(records))


def _read_json_lines(path: Path) -> PairTable:
    name, columns, records, problems = display_name(path), dict[str, None](), [], Problems()
    for line, text in enumerate(_text(path).splitlines(), start=1):
        if not text.strip():
            continue
        with problems.at(f"{name}: line {line}"):
            found = _object(text)
            columns |= dict.fromkeys(found)
            records.append(TableRecord(line, _filled(found)))
    problems.refuse(name)
    return PairTable(path, tuple(columns), tuple(records))


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError("is no object; write {'column': value, ...}")
    return found


def _read_parquet(path: Path) -> PairTable:
    name = display_name(path)
    parquet = require("pyarrow.parquet", extra="cohort")
    try:
        found = parquet.read_table(path)
    except Exception as error:  # whatever a damaged file makes of a C++ library
        raise InputError(f"{name}: is no Parquet file: {error!s:.120}") from error
    columns = tuple(found.column_names)
    _check_columns(name, columns)
    rows = enumerate(found.to_pylist(), start=1)
    return PairTable(path, columns, tuple(TableRecord(n, _filled(row)) for n, row in rows), "row")


def _filled(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value is not None and value != ""}


def _check_columns(name: str, columns: tuple[str, ...]) -> None:
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise InputError(f"{name}: has the column {twice[0]!r} twice; rename one of them")
    if "" in columns:
        raise InputError(
            f"{name}: column {columns.index('') + 1} has no name; give it one, or leave it out (as "
            "pandas does with index=False)"
        )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror
    except UnicodeDecodeError:
        reason = "not UTF-8 text; save it as CSV UTF-8"
    raise InputError(f"{display_name(path)}: cannot be read as a table: {reason}")


_READERS: dict[str, Callable[[Path], PairTable]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_json_lines,
    ".parquet": _read_parquet,
}
