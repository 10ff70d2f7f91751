"""What a scanner makes of a person at a visit: one interpolation of the source, gain and noise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from probes.flow import Reals, SplineImage
from probes.phantom.anatomy import Anatomy
from probes.phantom.course import Course, Scan
from regkit.geometry import Grid
from regkit.resample import values_at
from regkit.volume import Labels, Volume

_WHITE = 95  # percentile of the brain that stands for white matter
_WAVE = 150.0  # mm


def acquire(anatomy: Anatomy, course: Course, visit: Scan) -> Volume:
    """Scan a person.

    Every voxel reads the source brain by its cubic B-spline, through one composed map, and never
    again: in a voxel larger than the source's as many points as are in it, whose mean counts. The
    signal gets its gain; noise makes it Rician.

    Parameters
    ----------
    anatomy
        The source brain.
    course
        The person.
    visit
        When and how; one of ``course``.

    Returns
    -------
    Volume
        float32 on ``visit.grid``, the same bytes whenever it is called.
    """
    clean = _signal(anatomy, course, visit)
    white = float(np.percentile(_brain_values(anatomy), _WHITE))
    draw = np.random.default_rng(visit.seed)
    scaled = visit.gain * clean * _wave(visit, draw)
    real, imaginary = visit.gain * visit.noise * white * draw.standard_normal((2, *clean.shape))
    data = np.hypot(scaled + real, imaginary).astype(np.float32)
    return Volume(torch.from_numpy(data), visit.grid, f"{course.subject} {visit.name}")


def acquire_labels(anatomy: Anatomy, course: Course, visit: Scan) -> Labels:
    """Return the structures of a person at a visit: each voxel has the label at its middle.

    Parameters
    ----------
    anatomy
        The source brain.
    course
        The person.
    visit
        When and how; one of ``course``.

    Returns
    -------
    Labels
        On ``visit.grid``.
    """
    points = _points(visit.grid, np.zeros(3))
    data = torch.empty(visit.grid.shape, dtype=anatomy.labels.data.dtype)
    for rows, some in points:
        source = torch.from_numpy(course.to_source(visit, some))
        data[rows] = values_at(anatomy.labels, source)[0].reshape(-1, *visit.grid.shape[1:])
    return Labels(data, visit.grid, f"{course.subject} {visit.name} labels")


def _signal(anatomy: Anatomy, course: Course, visit: Scan) -> Reals:
    source, offsets = SplineImage(anatomy.image), _offsets(anatomy.grid, visit.grid)
    total = np.zeros(visit.grid.shape)
    for offset in offsets:
        for rows, some in _points(visit.grid, offset):
            values = source.at(course.to_source(visit, some))
            total[rows] += values.reshape(-1, *visit.grid.shape[1:])
    return np.maximum(total / len(offsets), 0)


def _offsets(source: Grid, scan: Grid) -> Reals:
    """Where in a voxel of the scan the source is read, in voxels of the scan, ``(N, 3)``.

    Once for each voxel of the source that the scan's spans along an axis.
    """
    along = np.abs(source.inverse_affine[:3, :3] @ scan.affine[:3, :3]).max(axis=0)
    counts = [max(1, round(float(n))) for n in along]
    axes = [(np.arange(n) + 0.5) / n - 0.5 for n in counts]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _points(grid: Grid, offset: Reals) -> Iterator[tuple[slice, Reals]]:
    """World points of the voxels of ``grid``, slab by slab, ``offset`` voxels off their middle."""
    shift = grid.affine[:3, :3] @ offset
    for rows in grid.slabs(1 << 20):
        yield rows, grid.world_points(rows).numpy().reshape(-1, 3) + shift


def _brain_values(anatomy: Anatomy) -> Reals:
    data = anatomy.image.data[0].numpy()
    out: Reals = data[anatomy.mask_of(anatomy.structures)].astype(np.float64)
    return out


def _wave(visit: Scan, draw: np.random.Generator) -> Reals | float:
    """How the gain varies over the head."""
    phase, way = draw.uniform(0, 2 * np.pi), draw.standard_normal(3)
    if not visit.shading:
        return 1.0
    along = visit.grid.world_points().numpy() @ (way / np.linalg.norm(way))
    out: Reals = 1 + visit.shading * np.sin(2 * np.pi * along / _WAVE + phase)
    return out
