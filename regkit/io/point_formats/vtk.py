"""Surfaces in VTK's legacy format, `.vtk`: their points and normals, all else kept as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
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

_MAX_BYTES = 1 << 31
_HEAD = re.compile(
    rb"# vtk DataFile Version [\d.]+\s*\n([^\n]*)\n(ASCII|BINARY)\s*\n\s*"
    rb"DATASET\s+(POLYDATA|UNSTRUCTURED_GRID)\s*\n"
)
_POINTS = re.compile(rb"\s*POINTS\s+(\d+)\s+(float|double)[^\S\n]*\n")
_NORMALS = re.compile(rb"\nNORMALS\s+\S+\s+(float|double)[^\S\n]*\n")
_TYPES = {b"float": ">f4", b"double": ">f8"}


@dataclass(frozen=True)
class _Block:
    """Where numbers stand in a file."""

    start: int
    stop: int
    values: PointArray
    stored: str


def read_vtk(path: Path, space: Space | None) -> PointFile:
    """Read the points of a surface.

    3D Slicer writes in which space they are into the title; other programs do not say it.

    Raises
    ------
    InputError
        If it is no such file, or nobody says in which space its points are.
    """
    name = display_name(path)
    data = read_bytes(path, _MAX_BYTES)
    head = _HEAD.match(data)
    points = head and _POINTS.match(data, head.end())
    if head is None or points is None:
        raise InputError(
            f"{name}: is no legacy VTK file of POLYDATA or UNSTRUCTURED_GRID that begins with its "
            "points; save it as one"
        )
    said = re.search(rb"SPACE=(\w+)", head[1])
    where = space_of(name, said[1].decode() if said else "", space)
    binary, count = head[2] == b"BINARY", int(points[1])
    place = _block(data, points.end(), count, points[2], name, binary=binary)
    found = _NORMALS.search(data, place.stop)
    blocks = [place]
    if found:
        blocks.append(_block(data, found.end(), count, found[1], name, binary=binary))

    def rewritten(moved: PointArray, normals: PointArray) -> bytes:
        parts, at = [], 0
        for block, values in zip(blocks, (moved, normals), strict=False):
            parts += [data[at : block.start], _bytes(into_ras(values, where), block, binary=binary)]
            at = block.stop
        return b"".join([*parts, data[at:]])

    placed, *more = (into_ras(block.values, where) for block in blocks)
    return PointFile(Points(torch.from_numpy(placed)), rewritten, more[0] if more else None)


def _block(data: bytes, start: int, count: int, kind: bytes, name: str, *, binary: bool) -> _Block:
    stored = _TYPES[kind]
    wrong = InputError(f"{name}: names {count} points, and does not hold them")
    if binary:
        stop = start + 3 * count * np.dtype(stored).itemsize
        if stop > len(data) or not count:
            raise wrong
        values = np.frombuffer(data[start:stop], stored)
    else:
        words = list(islice(re.finditer(rb"\S+", data[start:]), 3 * count))
        if len(words) < 3 * count or not count:
            raise wrong
        stop = start + words[-1].end()
        try:
            values = np.array([float(word[0]) for word in words])
        except ValueError as error:
            raise wrong from error
    if not np.isfinite(values).all():
        raise InputError(f"{name}: a coordinate is not finite")
    return _Block(start, stop, np.asarray(values, np.float64).reshape(-1, 3), stored)


def _bytes(values: PointArray, block: _Block, *, binary: bool) -> bytes:
    if binary:
        return values.astype(block.stored).tobytes()
    return b"\n".join(b"%.9g %.9g %.9g" % tuple(row) for row in values.tolist())
