"""The space half-way between two visits, in which neither is interpolated more than the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from scipy.linalg import expm, logm, sqrtm
from torch import Tensor

from probes.flow import SplineImage
from probes.progression.config import ProgressionConfig
from probes.progression.intensity import noise_level, without_rician
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix, apply_affine, homogeneous, nearest_rotation
from regkit.preprocess.foreground import foreground
from regkit.volume import Labels, Volume

_MARGIN = 6.0  # mm around both bodies


@dataclass(frozen=True, eq=False)
class Visit:
    """One visit, as it was scanned.

    Parameters
    ----------
    image
        On its own grid, without what Rician noise adds.
    way
        Rigid ``(4, 4)``, world points half-way to those of the image.
    noise
        Standard deviation of its noise, as :func:`noise_level` sees it.
    """

    image: Volume
    way: Matrix
    noise: float

    def on(self, grid: Grid) -> Volume:
        """Resample it half-way, by a cubic B-spline."""
        half = SplineImage(self.image).on(grid, self.way)
        magnitude = float(self.image.data.min()) >= 0
        return half.with_data(half.data.clamp(min=0)) if magnitude else half

    def with_more_noise(self, generator: torch.Generator) -> Visit:
        """Add as much noise as there is once more."""
        more = torch.randn(self.image.data.shape, generator=generator)
        image = self.image.with_data(self.image.data + self.noise * more)
        return replace(self, image=image, noise=math.sqrt(2) * self.noise)


@dataclass(frozen=True, eq=False)
class HalfWay:
    """Two visits and a grid between them.

    Parameters
    ----------
    visits
        Baseline and follow-up.
    grid
        Half-way.
    turn
        Rigid ``(4, 4)``, world points of the baseline to points half-way, and again from there to
        the follow-up.
    """

    visits: tuple[Visit, Visit]
    grid: Grid
    turn: Matrix

    @cached_property
    def images(self) -> tuple[Volume, Volume]:
        """Both visits on the grid, each resampled once."""
        first, second = self.visits
        return first.on(self.grid), second.on(self.grid)


def mean_rigid(there: Matrix, back: Matrix) -> Matrix:
    """Return the rigid matrix between ``there`` and the inverse of ``back``, each ``(4, 4)``.

    Exchanging the two gives its inverse.
    """
    forth = np.linalg.inv(there) @ np.linalg.inv(back)
    middle = there @ np.real(expm(np.real(logm(forth)) / 2))
    return homogeneous(nearest_rotation(middle[:3, :3]), middle[:3, 3])


def meet_half_way(
    baseline: Volume, follow_up: Volume, rigid: Matrix, config: ProgressionConfig
) -> HalfWay:
    """Find the space half-way between two visits.

    Parameters
    ----------
    baseline, follow_up
        3-D images of one channel in one world (mm).
    rigid
        ``(4, 4)``, world points of the baseline to world points of the follow-up.
    config
        Says whether Rician noise is taken out, and how fine the grid may be.
    """
    turn = np.real(sqrtm(rigid))
    ways = np.linalg.inv(turn), turn  # from half-way to either visit
    bodies = [foreground(each) for each in (baseline, follow_up)]
    first, second = (
        _visit(image, body, way, config)
        for image, body, way in zip((baseline, follow_up), bodies, ways, strict=True)
    )
    return HalfWay((first, second), _grid_around(bodies, ways, config), turn)


def _visit(image: Volume, body: Labels, way: Matrix, config: ProgressionConfig) -> Visit:
    sigma = noise_level(image, inside_mask(body))
    return Visit(without_rician(image, sigma) if config.rician else image, way, sigma)


def inside_mask(body: Labels) -> Tensor:
    """Return where ``body`` is above 0, ``(*shape)``."""
    out: Tensor = body.data[0] > 0
    return out


def _grid_around(
    bodies: list[Labels], ways: tuple[Matrix, Matrix], config: ProgressionConfig
) -> Grid:
    """The box of both bodies along the axes of the world, in voxels of their mean size."""
    corners = [
        apply_affine(np.asarray(np.linalg.inv(way), dtype=np.float64), _points_of(body))
        for body, way in zip(bodies, ways, strict=True)
    ]
    low, high = np.concatenate(corners).min(axis=0), np.concatenate(corners).max(axis=0)
    size = high - low + 2 * _MARGIN
    spacing = float(np.prod([body.grid.voxel_volume for body in bodies])) ** (1 / 6)
    spacing = max(spacing, float(np.prod(size) / config.max_voxels) ** (1 / 3))
    multiple = max(config.factors)
    shape = multiple * np.ceil(size / spacing / multiple).astype(int)
    start = (low + high) / 2 - spacing * (shape - 1) / 2
    return bodies[0].grid.placed(shape, homogeneous(spacing * np.eye(3), start))


def _points_of(body: Labels) -> Matrix:
    """World points of the voxels of a body."""
    voxels = np.argwhere(body.data[0].numpy() > 0).astype(np.float64)
    return apply_affine(body.grid.affine, voxels)
