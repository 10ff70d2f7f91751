"""The rows of the report's tables, as text that a person reads."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from regkit.geometry.affines import apply_affine, nearest_rotation
from regkit.geometry.grid import Grid
from regkit.registration.result import Level, Stage
from regkit.transforms import Affine
from regkit.volume.volume import Volume

_ABSOLUTE = re.compile(r"^(?P<option>-[\w-]+=)?(?:~|[A-Za-z]:)?[\\/]")


def base_name(name: str) -> str:
    r"""The last part of a path of any system.

    Examples
    --------
    >>> base_name("C:\\scans\\t1.nii.gz"), base_name("/data/t1.nii.gz"), base_name("")
    ('t1.nii.gz', 't1.nii.gz', '')
    """
    return re.split(r"[\\/]", name.rstrip("\\/"))[-1]


def plain(value: Any) -> str:
    """What the report shows for a value: short numbers, and files without their folders.

    Examples
    --------
    >>> plain(0.123456789), plain(True), plain(["regkit", "/data/a b.nii"])
    ('0.1235', 'yes', "regkit 'a b.nii'")
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, PurePath):
        return value.name
    if isinstance(value, Mapping):
        # A record has a path only where whoever made the run asked for it (--full-paths).
        return ", ".join(
            f"{key} {item if key == 'path' else plain(item)}" for key, item in value.items()
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        return shlex.join(_without_folder(plain(item)) for item in value)
    return _line(str(value))


def header_rows(fixed: Volume, moving: Volume) -> list[tuple[str, str, str]]:
    """Name of the property, its value for fixed, its value for moving."""
    pairs = zip(_header(fixed), _header(moving), strict=True)
    return [(name, ours, theirs) for (name, ours), (_, theirs) in pairs]


def stage_rows(stages: Sequence[Stage]) -> list[dict[str, str]]:
    """One row a level; the stage's own columns are filled on its first row only."""
    rows = []
    for stage in stages:
        own = {
            "name": stage.name,
            "similarity": stage.similarity or "-",
            "kernels": stage.kernels or "-",
            "seconds": f"{stage.seconds:.1f}",
            "note": stage.note,
        }
        for number, level in enumerate(stage.levels or (None,)):
            rows.append((own if number == 0 else dict.fromkeys(own, "")) | _level(level))
    return rows


def global_part_rows(affine: Affine, grid: Grid) -> list[tuple[str, str]]:
    """Rotation, shift and scale of the affine part of a transform over ``grid``."""
    linear = affine.matrix[:-1, :-1]
    cosine = (np.trace(nearest_rotation(linear)) - (grid.ndim - 2)) / 2
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    shift = np.linalg.norm(apply_affine(affine.matrix, grid.centre) - grid.centre)
    volume = np.linalg.det(linear)
    unit = grid.world.unit
    scale = f"{volume ** (1 / grid.ndim):.4f}" if volume > 0 else "mirrored"
    return [
        ("Rotation", f"{angle:.2f}°"),
        ("Shift at the centre of fixed", f"{shift:.2f} {unit}"),
        ("Mean scale", scale),
    ]


def flat(options: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested options as dotted names and values."""
    rows: list[tuple[str, str]] = []
    for key, value in options.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows += flat(value, f"{name}.")
        elif isinstance(value, Sequence) and value and isinstance(value[0], Mapping):
            rows += [(f"{name} {n}", plain(item)) for n, item in enumerate(value, start=1)]
        else:
            rows.append((name, plain(value)))
    return rows


def _header(volume: Volume) -> list[tuple[str, str]]:
    grid = volume.grid
    unit = grid.world.unit
    extent = [n * s for n, s in zip(grid.shape, grid.spacing, strict=True)]
    return [
        ("File", base_name(volume.name) or "(no name)"),
        ("Shape", " x ".join(map(str, grid.shape)) + " voxels"),
        ("Spacing", " x ".join(f"{s:.4g}" for s in grid.spacing) + f" {unit}"),
        ("Field of view", " x ".join(f"{e:.4g}" for e in extent) + f" {unit}"),
        ("World", str(grid.world)),
        ("Orientation", f"{grid.orientation}, {_tilt(grid):.1f}° from the axes"),
        ("Channels", str(volume.channels)),
        ("Data type", str(volume.data.dtype).removeprefix("torch.")),
    ]


def _tilt(grid: Grid) -> float:
    """The largest angle between an index axis and the world axis it is named after."""
    cosines = np.abs(grid.affine[:-1, :-1] / np.array(grid.spacing)).max(axis=0)
    return float(np.degrees(np.arccos(np.clip(cosines, 0, 1))).max())


def _level(level: Level | None) -> dict[str, str]:
    if level is None:
        return dict.fromkeys(("spacing", "shape", "iterations", "first", "last", "end"), "-")
    values = level.values
    return {
        "spacing": " x ".join(f"{s:.3g}" for s in level.spacing),
        "shape": " x ".join(map(str, level.shape)),
        "iterations": str(len(values)),
        "first": f"{values[0]:.4g}" if values else "-",
        "last": f"{values[-1]:.4g}" if values else "-",
        "end": "converged" if level.converged else "at its bound",
    }


def _line(text: str) -> str:
    if not re.search(r"[\\/]", text):
        return text
    if _ABSOLUTE.match(text) and not re.search(r"\s[\\/~-]", text):
        return _without_folder(text)
    return " ".join(_without_folder(word) for word in text.split())


def _without_folder(word: str) -> str:
    found = _ABSOLUTE.match(word.strip("'\""))
    return (found["option"] or "") + base_name(word.strip("'\"")) if found else word


def is_number(value: float) -> bool:
    """Whether a metric was measured at all."""
    return isinstance(value, (int, float)) and math.isfinite(value)
