"""Markups of 3D Slicer in `.mrk.json`: points, lines, angles and curves by their control points."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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

_MAX_BYTES = 1 << 28
_KINDS = ("Fiducial", "Line", "Angle", "Curve", "ClosedCurve")
_SPACES = {"0": "RAS", "1": "LPS"}


def read_markups(path: Path, space: Space | None) -> PointFile:
    """Read control points of all markups of a file, with their labels as names.

    Points that were not placed are passed over, and kept as they are.

    Raises
    ------
    InputError
        If it is no such file, or holds what has a size of its own, such as planes and regions.
    """
    name = display_name(path)
    whole = _parsed(path, name)
    found = [(mark, point) for mark in whole["markups"] for point in _placed(mark, name)]
    spaces = [space_of(name, _said(mark), space) for mark, _ in found]
    given = np.array([_place(point, name) for _, point in found], np.float64).reshape(-1, 3)
    if not found:
        raise InputError(f"{name}: holds no point that was placed")
    signs = np.stack([into_ras(np.ones((1, 3)), each)[0] for each in spaces])
    names = tuple(str(point.get("label", "")) for _, point in found)

    def rewritten(points: PointArray, _: PointArray) -> bytes:
        for (mark, point), place in zip(found, (points * signs).tolist(), strict=True):
            point["position"] = place
            mark.pop("measurements", None)  # of the markup as it was
        return json.dumps(whole, indent=1).encode()

    return PointFile(
        Points(torch.from_numpy(given * signs), names if any(names) else ()), rewritten
    )


def _parsed(path: Path, name: str) -> dict[str, Any]:
    try:
        whole = json.loads(read_bytes(path, _MAX_BYTES))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{name}: is no JSON ({str(error)[:60]})") from error
    marks = whole.get("markups") if isinstance(whole, dict) else None
    if not isinstance(marks, list) or not all(isinstance(mark, dict) for mark in marks):
        raise InputError(f"{name}: is no file of markups of 3D Slicer: it has no list `markups`")
    return dict(whole)


def _placed(mark: dict[str, Any], name: str) -> list[dict[str, Any]]:
    kind, unit = mark.get("type", "Fiducial"), mark.get("coordinateUnits", "mm")
    if kind not in _KINDS:
        raise InputError(
            f"{name}: holds a markup of type {kind!r:.30}, whose shape a transform does not keep; "
            f"allowed: {', '.join(_KINDS)}"
        )
    if unit not in ("mm", ["mm"]):
        raise InputError(f"{name}: its unit is {unit!r:.30}; allowed: mm")
    points = mark.get("controlPoints", [])
    if not isinstance(points, list) or not all(isinstance(point, dict) for point in points):
        raise InputError(f"{name}: its controlPoints are no list of points")
    return [each for each in points if each.get("positionStatus", "defined") == "defined"]


def _place(point: dict[str, Any], name: str) -> list[float]:
    found: Any = point.get("position")
    numbers = isinstance(found, list) and all(isinstance(value, int | float) for value in found)
    if not numbers or len(found) != 3 or not np.isfinite(found).all():
        raise InputError(f"{name}: a position is {found!r:.60}; three finite numbers are needed")
    return [float(value) for value in found]


def _said(mark: dict[str, Any]) -> str:
    word = str(mark.get("coordinateSystem", "LPS"))
    return _SPACES.get(word, word)
