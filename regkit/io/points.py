"""Landmarks in CSV: one point a line, RAS+ millimetres."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import torch

from regkit.errors import InputError
from regkit.io.names import display_name
from regkit.io.preflight import check_regular
from regkit.volume.points import Points

_HEADERS = (["x", "y", "z"], ["x", "y", "z", "name"], ["x", "y"], ["x", "y", "name"])
_MAX_BYTES = 1 << 26


def read_points(path: str | Path) -> Points:
    r"""Read landmarks.

    Parameters
    ----------
    path
        CSV whose first line is ``x,y,z`` or ``x,y,z,name`` (``x,y`` or ``x,y,name`` in 2-D),
        in RAS+ mm.

    Raises
    ------
    InputError
        With the line number, if a line does not fit; or if there is no point.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "p.csv").write_text("x,y,z,name\n1,2,3,tip\n")
    ...     read_points(Path(folder, "p.csv")).names
    ('tip',)
    """
    place = Path(path)
    check_regular(place)
    name, lines = display_name(place), _lines(place)
    columns = _columns(name, lines)
    ndim = len([column for column in columns if column != "name"])
    rows = [(number, row) for number, row in lines[1:] if row]
    if not rows:
        raise InputError(f"{name}: holds no point; one a line is needed after the header")
    xyz = [_numbers(name, number, row, columns, ndim) for number, row in rows]
    names = tuple(row[ndim].strip() for _, row in rows) if "name" in columns else ()
    return Points(torch.tensor(xyz, dtype=torch.float64), names)


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    name = display_name(path)
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{name}: is larger than {_MAX_BYTES} bytes; this is no list of landmarks")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            return [(reader.line_num, row) for row in reader]
    except PermissionError as error:
        raise InputError(f"{name}: no permission to read it; change its mode or owner") from error
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
