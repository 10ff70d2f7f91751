"""Tables of pairs or images as they are read: CSV, Parquet or JSON lines, with line numbers."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        ``.csv`` or ``.tsv`` with a header, ``.jsonl`` with an object a line, or ``.parquet``.

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
        raise InputError(f"{display_name(path)}: is no table by its name; allowed: {allowed}")
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{display_name(path)}: is larger than 1 GiB; split the table")
    table = reader(path)
    if not table.records:
        raise InputError(f"{table.name}: has no rows; give at least one")
    return table


def _read_csv(path: Path) -> PairTable:
    return _separated(path, ",")


def _read_tsv(path: Path) -> PairTable:
    return _separated(path, "\t")


def _separated(path: Path, separator: str) -> PairTable:
    name = display_name(path)
    reader = csv.reader(_text(path).splitlines(keepends=True), delimiter=separator, strict=True)
    try:
        lines = list(_numbered(reader))
    except csv.Error as error:
        raise InputError(f"{name}: line {reader.line_num}: is no CSV: {error}") from error
    if not lines:
        raise InputError(f"{name}: is empty; the first line must name the columns")
    columns = tuple(word.strip() for word in lines[0][1])
    _check_columns(name, columns)
    records = []
    for line, cells in lines[1:]:
        if len(cells) != len(columns):
            raise InputError(
                f"{name}: line {line} has {len(cells)} cells and the first line names "
                f"{len(columns)} columns; give every row as many, empty ones included"
            )
        pairs = zip(columns, map(str.strip, cells), strict=True)
        records.append(TableRecord(line, {key: cell for key, cell in pairs if cell}))
    return PairTable(path, columns, tuple(records))


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, with the line on which each begins."""
    begins = 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield begins, cells
        begins = reader.line_num + 1


def _read_json_lines(path: Path) -> PairTable:
    name, columns, records = display_name(path), dict[str, None](), []
    for line, text in enumerate(_text(path).splitlines(), start=1):
        if not text.strip():
            continue
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{name}: line {line}: is no JSON: {error}") from error
        if not isinstance(found, dict):
            raise InputError(f"{name}: line {line}: is no object; write {{'column': value, ...}}")
        columns |= dict.fromkeys(found)
        records.append(TableRecord(line, _filled(found)))
    return PairTable(path, tuple(columns), tuple(records))


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
        raise InputError(f"{name}: column {columns.index('') + 1} has no name; give it one")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"{display_name(path)}: cannot be read as a table: {reason}") from error


_READERS: dict[str, Callable[[Path], PairTable]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_json_lines,
    ".parquet": _read_parquet,
}
