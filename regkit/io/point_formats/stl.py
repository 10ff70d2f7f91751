"""Surfaces in STL: triangles of three points and a normal each, as text or as binary."""

from __future__ import annotations

import re
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
_HEAD = 84  # bytes: a comment, and how many triangles there are
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("points", "<f4", (3, 3)), ("more", "<u2")])
_VERTEX = re.compile(rb"\bvertex\s+(\S+)\s+(\S+)\s+(\S+)")


def read_stl(path: Path, space: Space | None) -> PointFile:
    """Read the corners of all triangles, three after three; it is written again as binary.

    3D Slicer writes in which space they are into the header; other programs do not say it.

    Raises
    ------
    InputError
        If it is no such file, or nobody says in which space its points are.
    """
    name = display_name(path)
    data = read_bytes(path, _MAX_BYTES)
    head, triangles = _triangles(data, name)
    said = re.search(rb"SPACE=(\w+)", head)
    where = space_of(name, said[1].decode() if said else "", space)
    corners = triangles["points"].reshape(-1, 3).astype(np.float64)
    if not len(corners) or not np.isfinite(corners).all():
        raise InputError(f"{name}: holds no triangle, or one that is not finite")

    def rewritten(moved: PointArray, _: PointArray) -> bytes:
        out = triangles.copy()
        out["points"] = into_ras(moved, where).reshape(-1, 3, 3)
        out["normal"] = _normals(out["points"])
        return head + np.uint32(len(out)).tobytes() + out.tobytes()

    return PointFile(Points(torch.from_numpy(into_ras(corners, where))), rewritten)


def _triangles(data: bytes, name: str) -> tuple[bytes, NDArray[np.void]]:
    """The comment of 80 bytes, and the triangles."""
    if len(data) >= _HEAD:
        count = int(np.frombuffer(data[80:_HEAD], "<u4")[0])
        if len(data) == _HEAD + count * _TRIANGLE.itemsize:
            return data[:80], np.frombuffer(data[_HEAD:], _TRIANGLE)
    if not data.lstrip().startswith(b"solid"):
        raise InputError(f"{name}: is no STL file, or ends too early")
    words = _VERTEX.findall(data)
    try:
        corners = np.array(words, dtype=np.float64).reshape(-1, 3, 3)
    except ValueError as error:
        raise InputError(f"{name}: a triangle has no three corners of three numbers") from error
    found = np.zeros(len(corners), _TRIANGLE)
    found["points"] = corners
    return data.split(b"\n", 1)[0].replace(b"solid", b"", 1).strip()[:80].ljust(80), found


def _normals(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    sides = corners[:, 1:] - corners[:, :1]
    across = np.cross(sides[:, 0], sides[:, 1])
    found: NDArray[np.float32] = across / np.maximum(
        np.linalg.norm(across, axis=1, keepdims=True), 1e-30
    )
    return found
