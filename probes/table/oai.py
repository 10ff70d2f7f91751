"""OAI: knees by visit, and clinical tables with bars between their columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from probes.table.columns import TableColumns
from probes.table.rows import ImagePlace, ProbeRow, ProbeTable
from probes.table.series import image_of_series
from regkit.cohort.table import read_pair_table
from regkit.errors import InputError

_SIDES = {"1": "RIGHT", "2": "LEFT"}
_VISIT = re.compile(r"^V(\d\d)")


def read_oai(path: Path, columns: TableColumns) -> ProbeTable:
    """Read OAI: ``contents*.csv`` of its image releases, and tables such as ``kxr_sq_bu00.txt``.

    Each visit is a folder such as ``00m`` with its contents (``ParticipantID``, ``Folder``,
    ``SeriesDescription``); the series lie in its folders as DICOM or NIfTI. Both knees of a
    person are of one subject: the side, ``LEFT`` or ``RIGHT``, is read off the description. The
    values of a row are those of its person, visit and side in all ``.txt`` tables, without their
    ``V00``.

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
    contents = sorted(path.glob("*/contents*.csv"))
    if not contents:
        raise InputError(f"{path.name}: has no folder with contents.csv, such as 00m/contents.csv")
    tables = sorted(path.glob("*.txt"))
    known = _clinical(tables)
    wanted = "" if columns.image == "image" else columns.image
    rows = [row for each in contents for row in _rows(each, wanted, known)]
    names = dict.fromkeys(name for row in rows for name in row.values)
    return ProbeTable(path, (*contents, *tables), tuple(rows), tuple(names))


Knee = tuple[str, str, str]  # participant, visit, side; "" for both sides


def _clinical(tables: list[Path]) -> dict[Knee, dict[str, str]]:
    found: dict[Knee, dict[str, str]] = {}
    for path in tables:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        for cells in csv.DictReader(lines, delimiter="|"):
            person = cells.get("ID") or cells.get("id") or ""
            side = _SIDES.get(cells.get("SIDE") or cells.get("side") or "", "")
            for name, value in cells.items():
                told = _VISIT.match(name.upper())
                visit = told[1] if told else ""
                if value:
                    key = (person, visit, side)
                    found.setdefault(key, {})[_VISIT.sub("", name.upper())] = value
    return found


def _rows(contents: Path, wanted: str, known: Mapping[Knee, Mapping[str, str]]) -> list[ProbeRow]:
    table, visit, rows = read_pair_table(contents), contents.parent.name[:2], []
    for record in table.records:
        said = str(record.values.get("SeriesDescription", ""))
        if wanted not in said:
            continue
        side = next((each for each in _SIDES.values() if each in said.upper()), None)
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
        keys = [(person, "", ""), (person, "", side), (person, visit, ""), (person, visit, side)]
        values = {name: value for key in keys for name, value in known.get(key, {}).items()}
        rows.append(ProbeRow(record.line, person, ImagePlace(image), visit, side, values=values))
    return rows
