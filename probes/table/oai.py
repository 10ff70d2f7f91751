"""OAI: knees by visit, and what its clinical tables say of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from probes.table.columns import TableColumns
from probes.table.oai_tables import SIDES, Knee, read_oai_tables
from probes.table.rows import ImagePlace, ProbeRow, ProbeTable
from probes.table.series import image_of_series
from regkit.cohort.table import read_pair_table
from regkit.errors import InputError

_MONTH = re.compile(r"(?:OAI)?(\d+) ?m(?:onth.*)?", re.IGNORECASE)
_NEEDED = ("ParticipantID", "Folder", "SeriesDescription")


def read_oai(path: Path, columns: TableColumns) -> ProbeTable:
    """Read OAI: ``contents*.csv`` of its image releases, and tables such as ``kxr_sq_bu00.txt``.

    Each visit is a folder such as ``12m`` or ``OAI12MonthImages/results`` with its contents
    (``ParticipantID``, ``Folder``, ``SeriesDescription``); the series lie in its folders as DICOM
    or NIfTI. The visit is called by its months: ``00``, ``12``. Both knees of a person are of one
    subject: the side, ``LEFT`` or ``RIGHT``, is read off the description. The values of a row are
    those of its person, visit and side in all ``.txt`` tables, without their ``V00``.

    Parameters
    ----------
    path
        The folder that holds visits and tables.
    columns
        ``columns.image`` is a word of the series that are taken, such as ``DESS``; all series
        unless it is told.

    Raises
    ------
    InputError
        If there are no contents, a series does not tell its side, or holds no image.
    """
    contents = sorted([*path.glob("*/contents*.csv"), *path.glob("*/results/contents*.csv")])
    if not contents:
        raise InputError(f"{path.name}: has no folder with contents.csv, such as 00m/contents.csv")
    tables = sorted(each for each in path.glob("*") if each.suffix.lower() == ".txt")
    known = read_oai_tables(tables)
    wanted = "" if columns.image == "image" else columns.image
    rows = [row for each in contents for row in _rows(each, _month(path, each), wanted, known)]
    names = dict.fromkeys(name for row in rows for name in row.values)
    return ProbeTable(path, (*contents, *tables), tuple(rows), tuple(names))


def _month(root: Path, contents: Path) -> str:
    """Of a visit, from the name of its folder."""
    name = contents.relative_to(root).parts[0]
    if name.lower().startswith("oaibaseline"):
        return "00"
    told = _MONTH.fullmatch(name)
    if told is None:
        raise InputError(
            f"{name}/{contents.name}: the folder does not say which visit it is; allowed: names "
            "such as 00m, 12m, OAIBaselineImages and OAI12MonthImages"
        )
    return told[1].zfill(2)


def _rows(
    contents: Path, month: str, wanted: str, known: Mapping[Knee, Mapping[str, str]]
) -> list[ProbeRow]:
    table, rows = read_pair_table(contents), []
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing:
        raise InputError(f"{table.name}: has no column {missing[0]!r}, as the contents of OAI have")
    for record in table.records:
        said = str(record.values.get("SeriesDescription", ""))
        if wanted not in said:
            continue
        side = next((each for each in SIDES.values() if each in said.upper()), None)
        if side is None:
            raise InputError(f"{table.at(record.line)}: {said!r:.60} does not say which knee it is")
        folder = contents.parent / str(record.values["Folder"])
        image = image_of_series(folder)
        if image is None:
            raise InputError(
                f"{table.at(record.line)}: {record.values['Folder']} holds no NIfTI and no DICOM; "
                "put the series there, or take its row out"
            )
        person = str(record.values["ParticipantID"])
        keys = [(person, "", ""), (person, "", side), (person, month, ""), (person, month, side)]
        values = {name: value for key in keys for name, value in known.get(key, {}).items()}
        rows.append(ProbeRow(record.line, person, ImagePlace(image), month, side, values=values))
    return rows
