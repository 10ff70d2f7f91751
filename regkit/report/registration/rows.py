"""The rows of the tables about a registration, as text that a person reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from regkit.geometry.affines import apply_affine, nearest_rotation
from regkit.geometry.grid import Grid
from regkit.registration.result import EngineStage, Level
from regkit.report.values import base_name
from regkit.transforms import Affine
from regkit.volume.volume import Volume

STAGE_NUMBERS = ("Seconds", "Iterations", "First value", "Last value")
STAGE_COLUMNS = (
    "Stage", "Similarity", "Kernels", "Seconds", "Voxel size", "Voxels", "Iterations",
    "First value", "Last value", "Ended",
)  # fmt: skip


def header_rows(fixed: Volume, moving: Volume) -> list[tuple[str, str, str]]:
    """List the properties of two headers: the name, its value for fixed, its value for moving."""
    pairs = zip(_header(fixed), _header(moving), strict=True)
    return [(name, ours, theirs) for (name, ours), (_, theirs) in pairs]


def stage_rows(stages: Sequence[EngineStage]) -> list[tuple[str, ...]]:
    """Make one row for each level, under ``STAGE_COLUMNS``; the first of a stage names it."""
    rows = []
    for stage in stages:
        own = (stage.name, stage.similarity or "-", stage.kernels or "-", f"{stage.seconds:.1f}")
        for number, level in enumerate(stage.levels or (None,)):
            rows.append((*(own if number == 0 else ("",) * len(own)), *_level(level)))
    return rows


def global_part_rows(affine: Affine, grid: Grid) -> list[tuple[str, str]]:
    """Measure the rotation, shift and scale of the global part of a transform.

    Parameters
    ----------
    affine
        World affine from fixed to moving.
    grid
        That of fixed, at whose centre the shift is measured, in world units.
    """
    linear = affine.matrix[:-1, :-1]
    cosine = (np.trace(nearest_rotation(linear)) - (grid.ndim - 2)) / 2
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    shift = np.linalg.norm(apply_affine(affine.matrix, grid.centre) - grid.centre)
    volume = np.linalg.det(linear)
    unit = grid.world.unit
    scale = f"{volume ** (1 / grid.ndim):.4f}" if volume > 0 else "mirrored"
    return [
        ("Rotation", f"{angle:.2f}°"),
        ("Shift at the centre of the fixed image", f"{shift:.2f} {unit}"),
        ("Mean scale", scale),
    ]


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
        ("Orientation", f"{grid.orientation}, {_tilt(grid):.1f}° oblique"),
        ("Channels", str(volume.channels)),
        ("Data type", str(volume.data.dtype).removeprefix("torch.")),
    ]


def _tilt(grid: Grid) -> float:
    """The largest angle between an index axis and the world axis it is named after."""
    cosines = np.abs(grid.affine[:-1, :-1] / np.array(grid.spacing)).max(axis=0)
    return float(np.degrees(np.arccos(np.clip(cosines, 0, 1))).max())


def _level(level: Level | None) -> tuple[str, ...]:
    if level is None:
        return ("-",) * (len(STAGE_COLUMNS) - 4)
    values = level.values
    return (
        " x ".join(f"{s:.3g}" for s in level.spacing),
        " x ".join(map(str, level.shape)),
        str(len(values)),
        f"{values[0]:.4g}" if values else "-",
        f"{values[-1]:.4g}" if values else "-",
        "converged" if level.converged else "iteration limit",
    )
