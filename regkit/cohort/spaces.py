"""Which space the images of a row and of a subject lie in, by their headers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from regkit.cohort.kind import RowKind
from regkit.cohort.problems import Problems
from regkit.cohort.reading import split_reading
from regkit.cohort.row import PairRow
from regkit.cohort.table import PairTable
from regkit.errors import InputError
from regkit.geometry.world import World
from regkit.io import ReadOptions, read_header
from regkit.io.names import display_name


def check_spaces(
    table: PairTable, kind: RowKind, rows: Iterable[PairRow], problems: Problems
) -> None:
    """Note images of a row, and images of a subject, that lie in different worlds.

    What cannot be read is noted elsewhere.

    Parameters
    ----------
    table
        The table, which says how lines and files are shown.
    kind
        The kind of its rows, which knows the columns of images.
    rows
        The rows that were made of it.
    problems
        Where the problems are noted.
    """
    seen: dict[str, tuple[World, int, str]] = {}
    worlds = cache(_world)
    for row in rows:
        try:
            _, reading = split_reading(row.options)
        except InputError:
            continue
        found = [(path, world) for path in _images(kind, row) if (world := worlds(path, reading))]
        for path, world in found:
            before = seen.setdefault(
                row.subject or f"line {row.line}", (world, row.line, path.name)
            )
            if before[0] != world:
                problems.add(_different(table, row, path, world, before))
                break


def _images(kind: RowKind, row: PairRow) -> Iterator[Path]:
    for column in kind.images:
        yield from row.files.get(column, ())


def _world(path: Path, reading: ReadOptions) -> World | None:
    try:
        return read_header(path, reading).grid.world
    except (InputError, OSError):
        return None


def _different(
    table: PairTable, row: PairRow, path: Path, world: World, before: tuple[World, int, str]
) -> str:
    whose = f"subject {row.subject!r}" if row.subject else "the row"
    return (
        f"{table.at(row.line)}: {whose} is in two spaces: {display_name(path)} in {world}, "
        f"{display_name(before[2])} ({table.where} {before[1]}) in {before[0]}; bring them into "
        "one, or pass spacing where a file does not say it"
    )
