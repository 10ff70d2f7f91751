"""Surfaces in PLY: their vertices and normals, all else kept as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

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

_MAX_BYTES = 1 << 31
_TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4",
    "float": "f4", "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2",
    "int32": "i4", "uint32": "u4", "float32": "f4", "float64": "f8",
}  # fmt: skip
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
_PLACE, _NORMAL = ["x", "y", "z"], ["nx", "ny", "nz"]


@dataclass(frozen=True)
class _Header:
    """What the lines before the vertices say."""

    stop: int
    form: str
    count: int
    kinds: dict[str, str]
    said: str


def read_ply(path: Path, space: Space | None) -> PointFile:
    """Read the vertices of a surface.

    3D Slicer writes in which space they are into a comment; other programs do not say it.

    Raises
    ------
    InputError
        If it is no such file, or nobody says in which space its points are.
    """
    name = display_name(path)
    data = read_bytes(path, _MAX_BYTES)
    header = _header(data, name)
    where = space_of(name, header.said, space)
    vertices, stop = _vertices(data, header, name)
    directions = _NORMAL if set(_NORMAL) <= set(header.kinds) else []
    placed, normals = (_columns(vertices, names) for names in (_PLACE, directions))
    if not len(placed) or not np.isfinite(placed).all():
        raise InputError(f"{name}: holds no vertex, or one that is not finite")

    def rewritten(moved: PointArray, turned: PointArray) -> bytes:
        out = vertices.copy()
        for names, values in ((_PLACE, moved), (directions, turned)):
            for column, word in zip(into_ras(values, where).T, names, strict=False):
                out[word] = column
        return data[: header.stop] + _bytes(out, header) + data[stop:]

    points = Points(torch.from_numpy(into_ras(placed, where)))
    return PointFile(points, rewritten, into_ras(normals, where) if directions else None)


def _header(data: bytes, name: str) -> _Header:
    end = re.search(rb"\nend_header[ \t]*\r?\n", data[: 1 << 16])
    if not data.startswith(b"ply") or end is None:
        raise InputError(f"{name}: is no PLY file")
    lines = data[: end.start()].decode("latin-1").splitlines()
    words = [line.split() for line in lines]
    forms = [each[1] for each in words if len(each) > 1 and each[0] == "format"]
    elements = [n for n, each in enumerate(words) if each[:1] == ["element"]]
    first = words[elements[0]] if elements else []
    of_first = words[slice(*elements[:2])] if len(elements) > 1 else words
    given = [each for each in of_first if each[:1] == ["property"]]
    kinds = {each[2]: _TYPES[each[1]] for each in given if len(each) == 3 and each[1] in _TYPES}
    whole = (
        forms and forms[0] in _ORDERS and first[1:2] == ["vertex"] and first[2:][:1]
        and first[2].isdigit() and len(kinds) == len(given) and set(_PLACE) <= set(kinds)
    )  # fmt: skip
    if not whole:
        raise InputError(
            f"{name}: does not begin with vertices of x, y and z and other single numbers; save it "
            "with its vertices first"
        )
    said = [re.search(r"SPACE=(\w+)", line) for line in lines if line.startswith("comment")]
    spaces = [found[1] for found in said if found]
    return _Header(end.end(), forms[0], int(first[2]), kinds, spaces[0] if spaces else "")


def _vertices(data: bytes, header: _Header, name: str) -> tuple[NDArray[np.void], int]:
    """The vertices as a table, and where they end."""
    order = _ORDERS[header.form]
    kind = np.dtype([(word, order + each) for word, each in header.kinds.items()])
    short = InputError(f"{name}: names {header.count} vertices, and does not hold them")
    if order:
        stop = header.stop + header.count * kind.itemsize
        if stop > len(data):
            raise short
        return np.frombuffer(data[header.stop : stop], kind), stop
    rows = data[header.stop :].split(b"\n", header.count)[: header.count]
    stop = header.stop + sum(len(row) + 1 for row in rows)
    try:
        found = np.array([tuple(map(float, row.split())) for row in rows]).T
        table = np.zeros(header.count, kind)
        for word, column in zip(header.kinds, found, strict=True):
            table[word] = column
    except ValueError as error:
        raise short from error
    return table, min(stop, len(data))


def _columns(table: NDArray[np.void], names: list[str]) -> PointArray:
    columns = [table[word].astype(np.float64) for word in names]
    return np.stack(columns, axis=-1) if columns else np.zeros((0, 3))


def _bytes(table: NDArray[np.void], header: _Header) -> bytes:
    if _ORDERS[header.form]:
        return table.tobytes()
    lines = (" ".join(f"{value:.9g}" for value in row) for row in table.tolist())
    return ("\n".join(lines) + "\n").encode()
