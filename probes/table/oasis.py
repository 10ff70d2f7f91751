"""OASIS-3: images named by days since entry, and clinical tables with days of their own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from probes.table.bids import bids_images
from probes.table.columns import TableColumns
from probes.table.rows import ImagePlace, ProbeRow, ProbeTable
from regkit.cohort.table import TableRecord, read_pair_table
from regkit.errors import InputError

_DAYS = re.compile(r"d(\d+)$")
_FARTHEST = 365  # days between a scan and the visit to the clinic that speaks of it


def read_oasis3(path: Path, columns: TableColumns) -> ProbeTable:
    """Read OASIS-3: ``sub-OAS3nnnn/ses-dnnnn/anat`` and a table such as ``OASIS3_UDSb4_cdr.csv``.

    To every image belongs the clinical visit that is nearest in days, within a year; the values
    of a row are its columns, ``days`` of the image, and ``days_apart``.

    Parameters
    ----------
    path
        The folder that holds the images, in BIDS names, and the table with ``OASISID``.
    columns
        ``columns.image`` is the suffix that is taken, ``T1w`` unless it is told.

    Raises
    ------
    InputError
        If there is no such table, or an image has no clinical visit within a year.
    """
    table = _clinical(path)
    visits = _visits(table)
    suffix = "T1w" if columns.image == "image" else columns.image
    rows = [
        _row(line, sub, ses, image, visits.get(sub, []), table)
        for line, (sub, ses, image) in enumerate(bids_images(path, suffix), start=1)
    ]
    names = dict.fromkeys(name for row in rows for name in row.values)
    return ProbeTable(path, (table,), tuple(rows), tuple(names), "image")


def _clinical(path: Path) -> Path:
    for table in sorted(path.glob("*.csv")):
        if "OASISID" in read_pair_table(table).columns:
            return table
    raise InputError(
        f"{path.name}: has no .csv with a column OASISID, such as OASIS3_UDSb4_cdr.csv"
    )


def _visits(table: Path) -> dict[str, list[tuple[int, TableRecord]]]:
    found: dict[str, list[tuple[int, TableRecord]]] = {}
    for record in read_pair_table(table).records:
        values = record.values
        days = values.get("days_to_visit")
        if days is None:
            told = _DAYS.search(str(values.get("OASIS_session_label", "")))
            days = told[1] if told else None
        if days is not None:
            found.setdefault(str(values["OASISID"]), []).append((int(days), record))
    return found


def _row(
    line: int, sub: str, ses: str, image: Path, visits: list[tuple[int, TableRecord]], table: Path
) -> ProbeRow:
    days = _DAYS.search(ses)
    if days is None:
        raise InputError(f"{image.name}: its session is {ses!r}; OASIS-3 has days, such as d0129")
    here = int(days[1])
    near = min(visits, key=lambda each: abs(each[0] - here), default=None)
    if near is None or abs(near[0] - here) > _FARTHEST:
        raise InputError(
            f"{image.name}: {table.name} has no visit of {sub} within {_FARTHEST} days of it; "
            "leave the image out"
        )
    known: dict[str, Any] = {**near[1].values, "days": here, "days_apart": near[0] - here}
    return ProbeRow(line, sub, ImagePlace(image), ses, values=known)
