"""A plain table: CSV, TSV, JSON lines or Parquet, with columns of any names."""

from __future__ import annotations

from pathlib import Path

from probes.table.rows import ImagePlace, ProbeRow, ProbeTable
from regkit.cohort.table import PairTable, TableRecord, read_pair_table
from regkit.errors import InputError
from regkit.settings import Settings, near


class TableColumns(Settings):
    """What the columns of a table are called.

    ``image`` is a path, from the folder of the table; an ``.npz`` may hold many, as
    ``archive.npz#array#17``. ``unit`` tells several things of one subject apart, such as knees.
    ``missing`` lists words that mean that a value is not known, such as ``-4``, besides ``n/a``,
    ``NA``, ``NaN`` and ``null``.
    """

    image: str = "image"
    subject: str = "subject"
    visit: str = "visit"
    unit: str = "unit"
    labels: str = "labels"
    missing: tuple[str, ...] = ()


def read_plain(path: Path, columns: TableColumns) -> ProbeTable:
    """Read a table with a row for each image.

    Parameters
    ----------
    path
        ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet``.
    columns
        What its columns are called; those of image and subject are needed.

    Raises
    ------
    InputError
        If the table cannot be read, or has no such column.
    """
    table = read_pair_table(path)
    for needed in (columns.image, columns.subject):
        if needed not in table.columns:
            hint = near(needed, table.columns)
            raise InputError(f"{table.name}: has no column {needed!r}{hint}")
    rows = tuple(_row(table, record, columns) for record in table.records)
    return ProbeTable(path, (path,), rows, table.columns, table.where)


def _row(table: PairTable, record: TableRecord, columns: TableColumns) -> ProbeRow:
    given = record.values
    for needed in (columns.image, columns.subject):
        if needed not in given:
            raise InputError(f"{table.at(record.line)}: the column {needed!r} is empty")
    labels = given.get(columns.labels)
    return ProbeRow(
        record.line, str(given[columns.subject]), _place(table, record, columns),
        str(given.get(columns.visit, "")), str(given.get(columns.unit, "")),
        None if labels is None else table.file(str(labels)), given,
    )  # fmt: skip


def _place(table: PairTable, record: TableRecord, columns: TableColumns) -> ImagePlace:
    word = str(record.values[columns.image])
    path, *inner = word.split("#")
    if not inner:
        return ImagePlace(table.file(path))
    if len(inner) != 2 or not inner[1].isdigit():
        raise InputError(
            f"{table.at(record.line)}: {word!r:.60} is no image of an archive; write "
            "archive.npz#array#17"
        )
    return ImagePlace(table.file(path), inner[0], int(inner[1]))
