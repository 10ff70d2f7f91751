"""OASIS-3: images named by days since entry, and clinical tables with days of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from probes.table.bids import is_of_kind
from probes.table.columns import TableColumns
from probes.table.rows import ImagePlace, ProbeRow, ProbeTable
from regkit.cohort.table import TableRecord, read_pair_table
from regkit.errors import InputError

_IMAGE = re.compile(r"(OAS\d+)(?=[/_]).*?(?:ses{1,2}-|_MR_)(d\d+)(?=[/_])")
_DAYS = re.compile(r"d(-?\d+)$")
_FARTHEST = 365  # days between a scan and the visit to the clinic that speaks of it

Visits = dict[str, list[tuple[int | None, TableRecord]]]
"""By person: the day and the row of each visit; no day where a table has a row a person."""


def read_oasis3(path: Path, columns: TableColumns) -> ProbeTable:
    """Read OASIS-3: its images, and all its tables such as ``OASIS3_UDSb4_cdr.csv``.

    Images lie as the download scripts of OASIS leave them: ``sub-OAS30001/ses-d0129/anat`` or
    ``OAS30001_MR_d0129/anat1``, with ``ses`` or ``sess`` in their names. Of every table with
    ``OASISID`` the visit that is nearest in days, within a year, gives values to the image; one
    without days, such as demographics, gives its row to all images of a person. ``days`` is that
    of the image, and ``days_apart`` how far the farthest of those visits is from it. Where two
    tables have a column of one name, the first by name speaks. An image of which no table speaks
    has no outcome, and is left out as such.

    Parameters
    ----------
    path
        The folder that holds the images and the tables.
    columns
        ``columns.image`` is how names end that are taken: ``T1w`` unless it is told, or
        ``run-01_T1w``.

    Raises
    ------
    InputError
        If there is no such table, or a day in it cannot be read.
    """
    tables = {each: _visits(each) for each in sorted(path.glob("*.csv"))}
    tables = {each: visits for each, visits in tables.items() if visits}
    if not tables:
        raise InputError(
            f"{path.name}: has no .csv with a column OASISID, such as OASIS3_UDSb4_cdr.csv"
        )
    kind = "T1w" if columns.image == "image" else columns.image
    rows = [
        ProbeRow(line, sub, ImagePlace(image), ses, values=_values(sub, int(ses[1:]), tables))
        for line, (sub, ses, image) in enumerate(_images(path, kind), start=1)
    ]
    names = dict.fromkeys(name for row in rows for name in row.values)
    return ProbeTable(path, tuple(tables), tuple(rows), tuple(names), "image")


def _images(path: Path, kind: str) -> Iterator[tuple[str, str, Path]]:
    """Person, session and file of every image of a kind, in order."""
    for image in sorted([*path.glob("sub-OAS*/**/*.nii*"), *path.glob("OAS*_MR_d*/**/*.nii*")]):
        told = _IMAGE.search(str(image.relative_to(path)))
        if told and is_of_kind(image, kind):
            yield told[1], told[2], image


def _visits(table: Path) -> Visits:
    read, found = read_pair_table(table), Visits()
    for record in read.records if "OASISID" in read.columns else ():
        values = record.values
        label = _DAYS.search(str(values.get("OASIS_session_label", "")))
        days = values.get("days_to_visit", label[1] if label else None)
        try:
            day = None if days is None else int(float(days))
        except ValueError:
            raise InputError(
                f"{read.at(record.line)}: days_to_visit is {days!r:.40}; allowed: whole days"
            ) from None
        found.setdefault(str(values.get("OASISID", "")), []).append((day, record))
    return found


def _values(sub: str, here: int, tables: dict[Path, Visits]) -> dict[str, Any]:
    """What the tables say of an image; where two have a column of one name, the first does."""
    known, apart = dict[str, Any](), list[int]()
    for visits in tables.values():
        ways = [(None if day is None else day - here, each) for day, each in visits.get(sub, [])]
        near = [each for each in ways if abs(each[0] or 0) <= _FARTHEST]
        if near:
            away, record = min(near, key=lambda each: abs(each[0] or 0))
            known = {**record.values, **known}
            apart += [] if away is None else [away]
    return {**known, "days": here, **({"days_apart": max(apart, key=abs)} if apart else {})}
