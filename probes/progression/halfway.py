"""The space half-way between two visits, in which neither is interpolated more than the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
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
class HalfWay:
    """Two visits on one grid, each resampled once.

    Parameters
    ----------
    baseline, follow_up
        On the grid half-way, by cubic B-splines.
    turn
        Rigid ``(4, 4)``, world points of the baseline to points half-way, and again from there to
        the follow-up.
    noise
        Standard deviation of the noise of either visit, as :func:`noise_level` sees it.
    """

    baseline: Volume
    follow_up: Volume
    turn: Matrix
    noise: tuple[float, float]

    @property
    def grid(self) -> Grid:
        """Half-way."""
        return self.baseline.grid


def mean_rigid(there: Matrix, back: Matrix) -> Matrix:
    """Return the rigid matrix between ``there`` and the inverse of ``back``, each ``(4, 4)``.

    Exchanging the two gives its inverse.
    """
    forth = np.linalg.inv(there) @ np.linalg.inv(back)
    middle = there @ np.real(expm(np.real(logm(forth)) / 2))
    return homogeneous(nearest_rotation(middle[:3, :3]), middle[:3, 3])


def resample_half_way(
    baseline: Volume, follow_up: Volume, rigid: Matrix, config: ProgressionConfig
) -> HalfWay:
    """Resample two visits half-way between them.

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
    levels = [
        noise_level(image, inside_mask(body))
        for image, body in zip((baseline, follow_up), bodies, strict=True)
    ]
    grid = _grid_around(bodies, ways, config)
    halves = [
        SplineImage(without_rician(image, sigma) if config.rician else image).on(grid, way)
        for image, sigma, way in zip((baseline, follow_up), levels, ways, strict=True)
    ]
    positive = [half.with_data(half.data.clamp(min=0)) if float(image.data.min()) >= 0 else half
                for half, image in zip(halves, (baseline, follow_up), strict=True)]  # fmt: skip
    return HalfWay(positive[0], positive[1], turn, (levels[0], levels[1]))


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
