"""The images of a group, as a user names them: files, a folder of them, or a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from regkit.cohort.table import read_pair_table
from regkit.errors import InputError
from regkit.io.formats.table import readable
from regkit.io.names import display_name, extension

_COLUMN = "image"
_TABLES = (".csv", ".tsv", ".jsonl", ".parquet")


def named_images(given: Sequence[Path]) -> list[Path]:
    """List the images that are meant.

    Parameters
    ----------
    given
        Files; or one folder, whose images are taken by their extensions; or one table with a column
        ``image``, whose paths count from its folder.

    Raises
    ------
    InputError
        If a file is not there, is given twice, or a folder or table names none.
    """
    found = list(given)
    if len(given) == 1 and given[0].is_dir():
        found = _in_folder(given[0])
    elif len(given) == 1 and extension(given[0]) in _TABLES:
        found = _in_table(given[0])
    for path in found:
        if not path.exists():
            raise InputError(f"{display_name(path)}: does not exist; check the path")
    _refuse_twice(found)
    return found


def _in_folder(folder: Path) -> list[Path]:
    known = set(readable())
    found = sorted(path for path in folder.iterdir() if extension(path) in known)
    if not found:
        raise InputError(
            f"{display_name(folder)}: holds no image by its extension; name the files, or a table "
            f"with a column {_COLUMN!r}"
        )
    return found


def _in_table(path: Path) -> list[Path]:
    table = read_pair_table(path)
    if _COLUMN not in table.columns:
        given = ", ".join(table.columns)
        raise InputError(f"{table.name}: has no column {_COLUMN!r}; its columns are {given}")
    for record in table.records:
        if _COLUMN not in record.values:
            raise InputError(f"{table.at(record.line)}: {_COLUMN} is empty; name a file")
        place = table.file(str(record.values[_COLUMN]))
        if not place.exists():
            raise InputError(
                f"{table.at(record.line)}: {_COLUMN} {record.values[_COLUMN]!r} does not exist; "
                "check the path"
            )
    return [table.file(str(record.values[_COLUMN])) for record in table.records]


def _refuse_twice(paths: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise InputError(f"{display_name(path)}: is given twice; name every image once")
        seen.add(path.resolve())
