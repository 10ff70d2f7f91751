"""Pairs from a table of images: all to an atlas, each with each, or visits of a subject."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from regkit.cohort.problems import Problems
from regkit.cohort.table import PairTable, TableRecord
from regkit.errors import InputError

Pairing = Literal["to-atlas", "all-pairs", "longitudinal"]
IMAGES = ("image", "mask", "labels")
_ROLES = {"image": "", "mask": "_mask", "labels": "_labels"}


def pair_images(table: PairTable, pairing: Pairing, *, atlas: Path | None = None) -> PairTable:
    """A table of pairs from one of images.

    Parameters
    ----------
    table
        With the column ``image``, and perhaps ``mask``, ``labels``, ``subject``, ``session`` and
        options; the options of a pair are those of its moving image.
    pairing
        ``to-atlas``: every image is moved onto ``atlas``. ``all-pairs``: every image onto every
        one before it. ``longitudinal``: within a subject, every session onto the first by name,
        in which numbers count as numbers.
    atlas
        The fixed image.

    Raises
    ------
    TableError
        If a column or an image is missing.
    InputError
        If there is nothing to pair.
    """
    _check(table, pairing)
    records = list(_PAIRINGS[pairing](table, atlas))
    if not records:
        raise InputError(f"{table.name}: has no two images to pair as {pairing}; give more images")
    columns = dict.fromkeys(column for record in records for column in record.values)
    return replace(table, columns=tuple(columns), records=tuple(records))


def _check(table: PairTable, pairing: Pairing) -> None:
    problems, needed = Problems(), ["image"]
    needed += ["subject", "session"] if pairing == "longitudinal" else []
    for column in needed:
        if column not in table.columns:
            given = ", ".join(table.columns)
            problems.add(f"{table.name}: has no column {column!r}, which --{pairing} needs; its "
                         f"columns are {given}")  # fmt: skip
        for record in table.records if column in table.columns else ():
            if column not in record.values:
                problems.add(f"{table.at(record.line)}: {column} is empty; fill it")
    for record in table.records:
        for column in IMAGES:
            word = record.values.get(column)
            if word is not None and not table.file(str(word)).exists():
                problems.add(f"{table.at(record.line)}: {column} {word!r} does not exist")
    problems.refuse(table.name)


def _to_atlas(table: PairTable, atlas: Path | None) -> Iterator[TableRecord]:
    fixed = {"fixed": str((atlas or Path()).absolute())}
    for record in table.records:
        yield TableRecord(record.line, {**fixed, **_as("moving", record), **_rest(record)})


def _all_pairs(table: PairTable, atlas: Path | None) -> Iterator[TableRecord]:
    for fixed, moving in combinations(table.records, 2):
        yield _pair(fixed, moving)


def _longitudinal(table: PairTable, atlas: Path | None) -> Iterator[TableRecord]:
    for visits in _by_subject(table.records):
        first, *others = sorted(visits, key=_visit)
        for other in others:
            yield _pair(first, other)


def _visit(record: TableRecord) -> list[tuple[bool, int, str]]:
    """What sessions are sorted by: by name, in which numbers count as numbers, 2 before 10."""
    words = re.findall(r"\d+|\D+", str(record.values["session"]))
    return [(not w.isdecimal(), int(w) if w.isdecimal() else 0, w) for w in words]


def _by_subject(records: Iterable[TableRecord]) -> Iterable[list[TableRecord]]:
    found: dict[str, list[TableRecord]] = defaultdict(list)
    for record in records:
        found[str(record.values["subject"])].append(record)
    return found.values()


def _pair(fixed: TableRecord, moving: TableRecord) -> TableRecord:
    values = {**_as("fixed", fixed), **_as("moving", moving), **_rest(moving)}
    if fixed.values.get("subject") != moving.values.get("subject"):
        values.pop("subject", None)  # the pair is of two
        values.pop("session", None)
    return TableRecord(moving.line, values)


def _as(side: str, record: TableRecord) -> dict[str, Any]:
    """The files of an image as those of one side of a pair."""
    return {
        f"{side}{_ROLES[column]}": record.values[column]
        for column in IMAGES
        if column in record.values
    }


def _rest(record: TableRecord) -> dict[str, Any]:
    return {name: value for name, value in record.values.items() if name not in IMAGES}


_PAIRINGS: dict[str, Callable[[PairTable, Path | None], Iterator[TableRecord]]] = {
    "to-atlas": _to_atlas,
    "all-pairs": _all_pairs,
    "longitudinal": _longitudinal,
}
