"""Landmarks in CSV: one point a line, RAS+ millimetres unless somebody says LPS."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import torch

from regkit.errors import InputError
from regkit.io.names import display_name
from regkit.io.point_formats.point_file import (
    PointArray,
    PointFile,
    Space,
    into_ras,
    read_bytes,
)  # fmt: skip
from regkit.volume.points import Points

_HEADERS = (["x", "y", "z"], ["x", "y", "z", "name"], ["x", "y"], ["x", "y", "name"])
_MAX_BYTES = 1 << 26


def read_csv(path: Path, space: Space | None) -> PointFile:
    """Read landmarks, whose first line is ``x,y,z`` or ``x,y``, and ``name`` if wanted.

    Raises
    ------
    InputError
        With the line number, if a line does not fit; or if there is no point.
    """
    name = display_name(path)
    lines = _lines(path, name)
    columns = _columns(name, lines)
    ndim = len([column for column in columns if column != "name"])
    rows = [(number, row) for number, row in lines[1:] if row]
    if not rows:
        raise InputError(f"{name}: holds no point; one a line is needed after the header")
    xyz = [_numbers(name, number, row, columns, ndim) for number, row in rows]
    names = tuple(row[ndim].strip() for _, row in rows) if "name" in columns else ()
    where: Space = space or "ras"
    placed = into_ras(torch.tensor(xyz, dtype=torch.float64).numpy(), where)

    def rewritten(points: PointArray, _: PointArray) -> bytes:
        return as_csv(Points(torch.from_numpy(into_ras(points, where))), names).encode()

    return PointFile(Points(torch.from_numpy(placed), names), rewritten)


def as_csv(points: Points, names: Sequence[str] | None = None) -> str:
    """Write a header and one point a line, to a nanometre.

    Parameters
    ----------
    points
        In RAS+ mm.
    names
        One a point, or none; those of the points where it is left out.

    Examples
    --------
    >>> print(as_csv(Points(torch.tensor([[1.0, 2.5, -3.0]]), ("tip",))), end="")
    x,y,z,name
    1.000000,2.500000,-3.000000,tip
    """
    words = points.names if names is None else names
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = ["x", "y", "z"][: points.xyz.shape[1]]
    writer.writerow([*columns, "name"] if words else columns)
    for index, row in enumerate(points.xyz.tolist()):
        writer.writerow([*(f"{value:.6f}" for value in row), *words[index : index + 1]])
    return text.getvalue()


def _lines(path: Path, name: str) -> list[tuple[int, list[str]]]:
    try:
        text = read_bytes(path, _MAX_BYTES).decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""))
        return [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{name}: is not a CSV file in UTF-8 ({error})") from error


def _columns(name: str, lines: list[tuple[int, list[str]]]) -> list[str]:
    header = [cell.strip().lower() for cell in lines[0][1]] if lines else []
    if header not in _HEADERS:
        raise InputError(
            f"{name}: line 1 is {','.join(header)[:60]!r}; it must be x,y,z or x,y,z,name (x,y "
            "in 2-D), the coordinates in RAS mm. Negate x and y of LPS points"
        )
    return header


def _numbers(name: str, number: int, row: list[str], columns: list[str], ndim: int) -> list[float]:
    if len(row) != len(columns):
        raise InputError(
            f"{name}: line {number} has {len(row)} columns; {len(columns)} are needed: "
            f"{','.join(columns)}"
        )
    return [
        _number(name, number, column, cell)
        for column, cell in zip(columns[:ndim], row[:ndim], strict=True)
    ]


def _number(name: str, number: int, column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            f"{name}: line {number} has {column} = {cell[:40]!r}; it must be a finite number"
        )
    return value
