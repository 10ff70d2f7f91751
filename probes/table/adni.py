"""ADNI: the tree and the collection table of LONI, and ADNIMERGE beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from probes.table.columns import TableColumns
from probes.table.rows import ImagePlace, ProbeRow, ProbeTable
from probes.table.series import image_of_series
from regkit.cohort.table import PairTable, read_pair_table
from regkit.errors import InputError

_FARTHEST = 183  # days between a scan and the visit to the clinic that speaks of it
_DATES = ("%m/%d/%Y", "%Y-%m-%d")


def read_adni(path: Path, columns: TableColumns) -> ProbeTable:
    """Read what LONI gives of ADNI: ``.nii`` or ``.dcm`` in ``ADNI/<subject>/.../<image id>``.

    One ``.csv`` has ``Image Data ID``, ``Subject``, ``Visit`` and ``Acq Date``; where another has
    ``PTID``, ``VISCODE`` and ``EXAMDATE`` (ADNIMERGE), its row that is nearest in time, within
    half a year, gives the visit and more values.

    Parameters
    ----------
    path
        The folder that holds the tables and the images.
    columns
        Not used.

    Raises
    ------
    InputError
        If there is no collection table, or an image of it is not there.
    """
    tables = [read_pair_table(each) for each in sorted(path.glob("*.csv"))]
    collection = _with(tables, ("Image Data ID", "Subject", "Visit", "Acq Date"))
    if collection is None:
        raise InputError(
            f"{path.name}: has no .csv with Image Data ID, Subject, Visit and Acq Date, as LONI "
            "gives it with the images"
        )
    merge = _with(tables, ("PTID", "VISCODE", "EXAMDATE"))
    folders = {file.parent for kind in ("nii*", "dcm") for file in path.glob(f"**/*.{kind}")}
    images = {each.name: image for each in folders if (image := image_of_series(each))}
    rows = tuple(
        _row(collection, record.line, record.values, images, merge) for record in collection.records
    )
    files = (collection.path, *(() if merge is None else (merge.path,)))
    names = dict.fromkeys(name for row in rows for name in row.values)
    return ProbeTable(path, files, rows, tuple(names))


def _with(tables: Sequence[PairTable], names: Sequence[str]) -> PairTable | None:
    return next((each for each in tables if set(names) <= set(each.columns)), None)


def _row(
    table: PairTable, line: int, values: Mapping[str, Any], images: Mapping[str, Path],
    merge: PairTable | None,
) -> ProbeRow:  # fmt: skip
    number, subject = str(values["Image Data ID"]), str(values["Subject"])
    image = images.get(number, images.get(f"I{number}"))
    if image is None:
        raise InputError(f"{table.at(line)}: image {number} of {subject} is not in the folder")
    near = {} if merge is None else _nearest(merge, subject, _date(table, line, values["Acq Date"]))
    known = {**near, **values}
    visit = str(near.get("VISCODE", values["Visit"]))
    return ProbeRow(line, subject, ImagePlace(image), visit, values=known)


def _nearest(merge: PairTable, subject: str, day: date) -> Mapping[str, Any]:
    own = [
        (abs((_date(merge, each.line, each.values["EXAMDATE"]) - day).days), each)
        for each in merge.records
        if each.values.get("PTID") == subject and "EXAMDATE" in each.values
    ]
    near = [each for each in own if each[0] <= _FARTHEST]
    return min(near, key=lambda each: each[0])[1].values if near else {}


def _date(table: PairTable, line: int, word: Any) -> date:
    for form in _DATES:
        try:
            return datetime.strptime(str(word), form).date()
        except ValueError:
            continue
    raise InputError(f"{table.at(line)}: {word!r:.40} is no date; allowed: 3/27/2007, 2007-03-27")
