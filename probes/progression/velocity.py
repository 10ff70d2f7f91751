"""The velocity between two visits half-way: exp(-v/2) leads to the baseline, exp(v/2) on.

Both images are warped, each half of the way, and their squared difference over its variance is
minimised together with what bends the velocity: exchanging the visits changes its sign and no
more (Ashburner and Ridgway, Frontiers in Neuroscience 6:197, 2013).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from probes.flow import SplineView
from probes.progression.config import ProgressionConfig
from probes.progression.halfway import HalfWay, inside_mask
from probes.progression.intensity import log_gain
from probes.progression.knots import Knots
from probes.progression.steps import Roughness, outer_products, solve_step
from regkit.geometry import Grid
from regkit.kernels.fields import exponential, resize_displacement
from regkit.kernels.smoothing import gaussian
from regkit.preprocess.foreground import foreground
from regkit.resample import resample
from regkit.volume import Volume

_RIM = 6.0  # mm around the body that count too: its edge tells where it ends
_CALM = 1e-3  # of the mean curvature, where the images say nothing
_TO_DEVIATION = 1.4826
OnLevel = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class VelocityFound:
    """A velocity on the grid half-way.

    Parameters
    ----------
    v
        ``(3, *shape)`` in voxels of ``grid``; exp(v) leads from the baseline to the follow-up.
    grid
        Half-way.
    difference
        Standard deviation of what the images still differ by, as a share of their mean intensity.
    history
        The mean squared difference over its variance at every iteration, level after level.
    """

    v: Tensor
    grid: Grid
    difference: float
    history: tuple[float, ...] = field(default=())


def find_velocity(
    pair: HalfWay,
    config: ProgressionConfig,
    on_level: OnLevel,
    *,
    start: Tensor | None = None,
) -> VelocityFound:
    """Find the velocity, coarse to fine.

    Parameters
    ----------
    pair
        The visits half-way.
    config
        Levels and weights.
    on_level
        Told the share of the iterations that are done.
    start
        A velocity ``(3, *shape)``, in voxels of the grid half-way, from which the finest level
        alone goes on for half of its iterations.

    Returns
    -------
    VelocityFound
        From the baseline to the follow-up.
    """
    levels = list(zip(config.factors, config.iterations, strict=True))
    if start is not None:
        levels = [(levels[-1][0], -(-levels[-1][1] // 2))]
    v = torch.zeros(3, *pair.grid.shape) if start is None else start
    history, difference = list[float](), 0.0
    for factor, count in levels:
        level = _level(pair, factor, config)
        coefficients = level.knots.fit(_on(v, level.grid))
        for _ in range(count):
            value, difference, coefficients = _iterate(level, coefficients, config)
            history.append(value)
            on_level(len(history) / sum(count for _, count in levels))
        v = level.knots.field(coefficients)
    return VelocityFound(_on(v, pair.grid), pair.grid, difference, tuple(history))


def _on(v: Tensor, grid: Grid) -> Tensor:
    """A velocity on a grid of the same extent, in its voxels."""
    return v if tuple(v.shape[1:]) == grid.shape else resize_displacement(v, grid.shape)


@dataclass(frozen=True, eq=False)
class _Level:
    """Both images seen from one grid, where they count, and what stands for 1 of intensity."""

    grid: Grid
    images: tuple[SplineView, SplineView]
    variances: tuple[float, float]
    body: Tensor
    weight: Tensor
    scale: float
    knots: Knots
    roughness: Roughness


def _level(pair: HalfWay, factor: int, config: ProgressionConfig) -> _Level:
    shape = [max(n // factor, 4) for n in pair.grid.shape]
    grid = pair.grid.with_shape(shape)
    first, second = (resample(each, grid) for each in pair.images)
    body = inside_mask(foreground(_mean(first, second))).float()
    voxel, fine = min(grid.spacing), min(pair.grid.spacing)
    scale = float((body * (first.data[0] + second.data[0])).sum()) / 2 / max(float(body.sum()), 1.0)
    images, variances = _seen(pair, (first, second))
    near = gaussian(body[None], _RIM / 2 / voxel)[0] > 0.02
    weight = (near & images[0].shown & images[1].shown).float()
    step = max(config.knots * fine, voxel)
    return _Level(
        grid, images, variances, body, weight, max(scale, 1e-12),
        Knots(grid.shape, step / voxel),
        # Coefficients are in voxels; derivatives are counted in mm over the volume of a knot.
        Roughness(config.stretching * voxel**2 * step, config.bending * voxel**2 / step),
    )  # fmt: skip


def _seen(
    pair: HalfWay, resampled: tuple[Volume, Volume]
) -> tuple[tuple[SplineView, SplineView], tuple[float, float]]:
    """Both images and the variances of their noise: on the finest grid the scans themselves.

    Noise interpolated twice would be the less the more a voxel moves, and the registration would
    take that for likeness; on coarser grids, where it only begins, little noise is left.
    """
    grid = resampled[0].grid
    if grid.shape == pair.grid.shape:
        first, second = (SplineView(each.image, grid, each.way) for each in pair.visits)
        return (first, second), (pair.visits[0].noise ** 2, pair.visits[1].noise ** 2)
    first, second = (SplineView(each, grid, np.eye(4)) for each in resampled)
    return (first, second), (0.0, 0.0)


def _mean(first: Volume, second: Volume) -> Volume:
    return first.with_data((first.data + second.data) / 2)


def _iterate(
    level: _Level, coefficients: Tensor, config: ProgressionConfig
) -> tuple[float, float, Tensor]:
    """The loss, how much the images differ, and the coefficients after one step."""
    v, weight = level.knots.field(coefficients), level.weight
    back, on = exponential(-v / 2), exponential(v / 2)
    first, first_slopes = level.images[0].warped(back, weight)
    second, second_slopes = level.images[1].warped(on, weight)
    gain = log_gain(first, second, weight, config.gain_width / min(level.grid.spacing))
    down, up = torch.exp(-gain), torch.exp(gain)
    left = up * second - down * first
    spread = _TO_DEVIATION * float(left[level.body > 0].abs().median()) / level.scale
    sigma = max(spread, config.least_noise) * level.scale
    slopes = (down * first_slopes + up * second_slopes) / 2
    certain = weight / sigma**2
    pull = left * slopes - _pull_of_noise(level, (back, on), (down, up))
    force = level.knots.transpose(certain * pull)
    curvature = level.knots.transpose(certain * outer_products(slopes))
    curvature[:3] += _CALM * curvature[:3].mean()
    step = solve_step(curvature, -(force + level.roughness.slope(coefficients)), level.roughness)
    value = float((weight * left.square()).sum()) / sigma**2 / max(float(weight.sum()), 1.0)
    return value, spread, coefficients + step


def _pull_of_noise(
    level: _Level, ways: tuple[Tensor, Tensor], gains: tuple[Tensor, Tensor]
) -> Tensor:
    """What the squared difference is expected to gain, by its noise alone, where voxels move.

    Half of the way moves either image, and half of the square's derivative is the pull.
    """
    first, second = (
        variance * gain.square() * image.noise_slopes(way) / 4
        for image, variance, way, gain in zip(
            level.images, level.variances, ways, gains, strict=True
        )
    )
    return second - first
