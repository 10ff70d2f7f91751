"""The field engine: diffeomorphic, coarse to fine, until a level no longer improves.

The displacement ``u`` lives on the working grid, in its voxels, and moves before the affine:
``phi = A o (id + u)``. Each iteration takes the analytic force of the similarity, smooths it
(fluid regularisation), bounds it softly, gives it momentum, and composes it onto ``u``; then
``u`` itself is smoothed a little, which is an implicit step of diffusion regularisation
(Vercauteren et al., NeuroImage 2009). Every increment is smaller than a voxel and smooth, so the
composition of all of them does not fold.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.kernels import backend
from regkit.kernels.fields import compose_fields
from regkit.kernels.momentum import advance
from regkit.kernels.sampling import sample
from regkit.kernels.smoothing import gaussian
from regkit.kernels.warping import step_force
from regkit.losses.similarity import Similarity
from regkit.registration.config import FieldConfig
from regkit.registration.pair import LevelPair, Pair, coarser, level
from regkit.registration.result import Level, Progress, Stage
from regkit.transforms import DisplacementField
from regkit.transforms.displacement import from_index

Ends = tuple[float, float]  # a loss before and after

_WINDOW = 10  # iterations over which a gain is judged
_FIELD_OF_VIEW = 16  # widths of a smooth step
_DRAWS = 4  # by which a loss is judged that is random


def register_field(
    pair: Pair,
    affine: Matrix,
    similarity: Similarity,
    config: FieldConfig,
    report: Callable[[Progress], None],
    *,
    start: Callable[[Tensor], Tensor] | None = None,
) -> tuple[DisplacementField, Stage]:
    """Find the displacement that follows ``affine``: ``phi = affine o (id + u)``.

    Parameters
    ----------
    affine
        World affine from fixed to moving; it stays as it is.
    start
        World points of fixed to world points of fixed: a displacement to refine.

    Returns
    -------
    field, stage
        On the finest working grid, world units of fixed; and the record of the run.
    """
    begin = time.perf_counter()
    levels: list[Level] = []
    smooth, share = False, 0.0
    least = _least_factor(pair.grid, config.max_field_voxels)
    grid = coarser(pair.grid, max(least, config.factors[0]))
    u = _first(start, grid).to(pair.device)
    for number, (factor, iterations) in enumerate(
        zip(config.factors, config.iterations, strict=True)
    ):
        at = level(pair, coarser(pair.grid, factor), similarity, pair.region, affine)
        finer = coarser(pair.grid, max(least, factor))
        u, grid = _pinned(refit(u, grid, finer)), finer
        iterations = bound(iterations, math.prod(at.grid.shape), config)
        told = _teller(report, similarity.name, number, iterations, config)
        descend = partial(_descend, at, affine, similarity=similarity, iterations=iterations)
        if number == 0 and start is None:
            u, record, share = _first_level(descend, u, config, told)
            smooth = share >= config.smooth.share
        else:
            wide = smoothed(config, at.grid.shape, config.factors[0] / factor)
            u, record, _ = descend(u, config=wide if smooth else config, told=told)
        levels.append(record)
    stage = Stage(
        "field",
        similarity.name,
        backend.name(pair.device),
        time.perf_counter() - begin,
        tuple(levels),
        note=f"smooth: one anatomy, {share:.0%} explained" if smooth else "",
    )
    return from_index(u.cpu(), grid), stage


def _least_factor(grid: Grid, max_voxels: int) -> int:
    """How many voxels of ``grid`` go into one of the field, along an axis."""
    factor = 1
    while math.prod(coarser(grid, factor).shape) > max_voxels:
        factor *= 2
    return factor


def _first_level(
    descend: Callable[..., tuple[Tensor, Level, Ends]],
    u: Tensor,
    config: FieldConfig,
    told: Callable[[int, float], None],
) -> tuple[Tensor, Level, float]:
    """A smooth field, then a free one: that which will do, and the smooth one's share of the gain.

    Between two people a smooth field explains little of what differs; within one it explains
    nearly all, and what a free one adds to it is noise.
    """
    smooth = config.model_copy(update={"field_sigma": config.smooth.field_sigma})
    calm, before, (first, calmest) = descend(u, config=smooth, told=told)
    free, after, (_, freest) = descend(calm, config=config, told=told)
    if not before.values:
        return u, before, 0.0
    share = (first - calmest) / (first - freest) if freest < first else 0.0
    chosen = calm if share >= config.smooth.share else free
    return chosen, replace(after, values=before.values + after.values), share


def smoothed(config: FieldConfig, shape: tuple[int, ...], finer: float) -> FieldConfig:
    """``config`` for a smooth field, in voxels so many times ``finer`` than the coarsest.

    A step is no wider than a share of the field of view, or it would not be one.
    """
    widest = min(n for n in shape if n > 1) / _FIELD_OF_VIEW
    lengths = {
        "field_sigma": config.smooth.field_sigma * math.sqrt(finer),
        "update_sigma": min(config.smooth.update_sigma, max(widest, config.update_sigma)),
    }
    return config.model_copy(update=lengths)


def bounded(config: FieldConfig, spacing: float) -> FieldConfig:
    """``config`` with the lengths of one iteration shortened where voxels are large.

    Smoothing a force by 1.7 voxels of 16 mm drags along whatever lies within an organ of the
    edge that caused it, and finer levels do not undo that where the image is empty.
    """
    share = min(1.0, config.reach / spacing)
    return config.model_copy(
        update={"step": share * config.step, "update_sigma": share * config.update_sigma}
    )


def bound(iterations: int, voxels: int, config: FieldConfig) -> int:
    """How many iterations a level of ``voxels`` may take; a level of none stays without."""
    if iterations == 0:
        return 0
    return max(iterations, min(config.iterations[0], config.effort // voxels))


def _descend(
    at: LevelPair,
    affine: Matrix,
    start: Tensor,
    similarity: Similarity,
    config: FieldConfig,
    iterations: int,
    told: Callable[[int, float], None],
) -> tuple[Tensor, Level, Ends]:
    m = at.matrix(affine)
    config = bounded(config, min(at.grid.spacing[1:]))
    values: list[float] = []
    varies = similarity.varies(at.grid.shape)
    u, speed = start, torch.zeros_like(start)
    ratio = at.grid.shape[-1] / start.shape[-1]  # of a voxel of the field to one of the images
    shape = (start.shape[1], start.shape[2], start.shape[3])
    weight = functional.adaptive_avg_pool3d(at.weight[None], shape)[0]
    for _ in range(iterations):
        value, force = _force(at, m, u, similarity)
        values.append(value)
        told(len(values), value)
        if not varies and _settled(values, config.tolerance):
            break
        force = gaussian(force, config.update_sigma / ratio, zero=True, spare=True)
        speed = advance(speed, force, weight, step=config.step / ratio, momentum=config.momentum)
        moved = compose_fields(u, speed, out=force)
        u = _pinned(gaussian(moved, config.field_sigma / ratio, zero=True, spare=True))
    record = Level(
        at.grid.spacing, at.grid.shape, tuple(values), _settled(values, config.tolerance)
    )
    if not values:
        return start, record, (0.0, 0.0)
    first, last = values[0], values[-1]
    if varies:
        first, last = (_judged(at, m, each, similarity) for each in (start, u))
    if last < first:
        return u, record, (first, last)
    return start, record, (first, first)  # steps have a size even where there is nothing to gain


def _judged(at: LevelPair, m: Matrix, u: Tensor, similarity: Similarity) -> float:
    """The loss by the same draws for every ``u``: at single steps its chance drowns its gain."""
    warped, weight = at.warped(m, u)
    with similarity.drawn_by(0):
        return sum(similarity.value(at.fixed, warped, weight) for _ in range(_DRAWS)) / _DRAWS


def _force(at: LevelPair, m: Matrix, u: Tensor, similarity: Similarity) -> tuple[float, Tensor]:
    """The loss, and its derivative by ``u``, on the grid of ``u``."""
    warped, weight = at.warped(m, u)
    value, upstream = similarity.value_and_gradient(at.fixed, warped, weight)
    return value, step_force(warped, weight, upstream, tuple(u.shape[1:]))


def _settled(values: list[float], tolerance: float) -> bool:
    """Whether the last window gained less than ``tolerance`` of all that the level gained."""
    if len(values) <= _WINDOW:
        return False
    return values[-_WINDOW - 1] - values[-1] < tolerance * (values[0] - values[-1])


def refit(u: Tensor, old: Grid, new: Grid) -> Tensor:
    """A displacement in voxels of ``old``, resampled on ``new`` and counted in its voxels."""
    to_old = old.inverse_affine @ new.affine
    axes = [
        (torch.arange(n, dtype=torch.float64) * to_old[a, a] + to_old[a, 3]).clamp(0, size - 1)
        for a, (n, size) in enumerate(zip(new.shape, old.shape, strict=True))
    ]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    scale = u.new_tensor(1 / np.diag(to_old)[:3]).reshape(3, 1, 1, 1)
    return sample(u, points.to(u)) * scale


def _first(start: Callable[[Tensor], Tensor] | None, grid: Grid) -> Tensor:
    if start is None:
        return torch.zeros(3, *grid.shape)
    x = grid.world_points()
    moved = grid.to_index(start(x)) - grid.to_index(x)
    return _pinned(moved.movedim(-1, 0).float().contiguous())


def _pinned(u: Tensor) -> Tensor:
    """Hold the border of the grid in place, so that the field joins the identity outside."""
    for axis in range(1, 4):
        if u.shape[axis] > 1:
            u.select(axis, 0).zero_()
            u.select(axis, -1).zero_()
    return u


def _teller(
    report: Callable[[Progress], None],
    name: str,
    number: int,
    iterations: int,
    config: FieldConfig,
) -> Callable[[int, float], None]:
    def told(iteration: int, value: float) -> None:
        total = len(config.factors)
        report(Progress("field", name, number + 1, total, iteration, iterations, value))

    return told
