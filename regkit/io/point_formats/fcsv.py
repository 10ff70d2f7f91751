"""Fiducials of 3D Slicer in `.fcsv`: comma-separated lines after comments that describe them."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import torch

from regkit.errors import InputError
from regkit.io.names import display_name
from regkit.io.point_formats.point_file import (
    PointArray,
    PointFile,
    Space,
    into_ras,
    read_bytes,
    space_of,
)  # fmt: skip
from regkit.volume.points import Points

_MAX_BYTES = 1 << 26
_COLUMNS = "id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"
_SPACES = {"0": "RAS", "1": "LPS", "2": "IJK"}


def read_fcsv(path: Path, space: Space | None) -> PointFile:
    """Read fiducials, with their labels as names.

    Raises
    ------
    InputError
        With the line number, if a line does not fit; or if nobody says in which space they are.
    """
    name = display_name(path)
    try:
        lines = read_bytes(path, _MAX_BYTES).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: is not a text in UTF-8 ({error})") from error
    said = _said(lines, "CoordinateSystem")
    where = space_of(name, _SPACES.get(said, said), space)
    columns = [word.strip() for word in (_said(lines, "columns") or _COLUMNS).split(",")]
    if not {"x", "y", "z"} <= set(columns):
        raise InputError(f"{name}: its columns are {','.join(columns)[:60]!r}, without x, y and z")
    rows = {
        number: next(csv.reader([line]))
        for number, line in enumerate(lines)
        if line.strip() and not line.startswith("#")
    }
    if not rows:
        raise InputError(f"{name}: holds no point")
    at = [columns.index(axis) for axis in "xyz"]
    found = np.array([_place(name, number + 1, row, at) for number, row in rows.items()])
    label = columns.index("label") if "label" in columns else len(columns)
    names = tuple(row[label] if label < len(row) else "" for row in rows.values())

    def rewritten(points: PointArray, _: PointArray) -> bytes:
        text = list(lines)
        for (number, row), place in zip(rows.items(), into_ras(points, where), strict=True):
            words = list(row)
            for column, value in zip(at, place, strict=True):
                words[column] = f"{value:.6f}"
            text[number] = _line(words)
        return ("\n".join(text) + "\n").encode()

    points = Points(torch.from_numpy(into_ras(found, where)), names if any(names) else ())
    return PointFile(points, rewritten)


def _said(lines: list[str], what: str) -> str:
    for line in lines:
        found = re.match(rf"#\s*{what}\s*=\s*(.*)", line)
        if found:
            return found[1].strip()
    return ""


def _place(name: str, number: int, row: list[str], at: list[int]) -> list[float]:
    try:
        place = [float(row[column]) for column in at]
    except (ValueError, IndexError):
        place = [float("nan")]
    if not np.isfinite(place).all():
        raise InputError(f"{name}: line {number} has no three finite coordinates: {row[:4]!r:.60}")
    return place


def _line(words: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(words)
    return text.getvalue()
