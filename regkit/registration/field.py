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

import numpy as np
import torch
from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.kernels import backend
from regkit.kernels.fields import compose_fields
from regkit.kernels.momentum import advance
from regkit.kernels.sampling import sample
from regkit.kernels.smoothing import gaussian
from regkit.kernels.warping import warp_force
from regkit.losses.similarity import Similarity
from regkit.registration.config import FieldConfig
from regkit.registration.pair import LevelPair, Pair, level
from regkit.registration.result import Level, Progress, Stage
from regkit.transforms import DisplacementField
from regkit.transforms.displacement import from_index

_WINDOW = 10  # iterations over which a gain is judged


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
    finest = min(pair.grid.spacing[1:])
    levels: list[Level] = []
    u, grid = _first(start, pair.grid).to(pair.device), pair.grid
    for number, (factor, iterations) in enumerate(
        zip(config.factors, config.iterations, strict=True)
    ):
        at = level(pair, finest * factor, similarity, pair.region, affine)
        u = _pinned(refit(u, grid, at.grid))
        iterations = bound(iterations, math.prod(at.grid.shape), config)
        told = _teller(report, similarity.name, number, iterations, config)
        lengths = bounded(config, min(at.grid.spacing[1:]), finest)
        u, record = _descend(at, affine, u, similarity, lengths, iterations, told)
        levels.append(record)
        grid = at.grid
    stage = Stage(
        "field",
        similarity.name,
        backend.name(pair.device),
        time.perf_counter() - begin,
        tuple(levels),
    )
    return from_index(u.cpu(), grid), stage


def bounded(config: FieldConfig, spacing: float, finest: float) -> FieldConfig:
    """``config`` with the lengths of one iteration shortened where voxels are large.

    Smoothing a force by 1.7 voxels of 16 mm drags along whatever lies within an organ of the
    edge that caused it, and finer levels do not undo that where the image is empty.
    """
    share = min(1.0, max(config.reach, finest) / spacing)
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
) -> tuple[Tensor, Level]:
    m = at.matrix(affine)
    values: list[float] = []
    u, speed = start, torch.zeros_like(start)
    for _ in range(iterations):
        value, force = _force(at, m, u, similarity)
        values.append(value)
        told(len(values), value)
        if _settled(values, config.tolerance):
            break
        smooth = gaussian(force, config.update_sigma, zero=True)
        speed = advance(speed, smooth, at.weight, step=config.step, momentum=config.momentum)
        u = _pinned(gaussian(compose_fields(u, speed), config.field_sigma, zero=True))
    settled = _settled(values, config.tolerance)
    if values and values[-1] >= values[0]:  # steps have a size even where there is nothing to gain
        u = start
    return u, Level(at.grid.spacing, at.grid.shape, tuple(values), settled)


def _force(at: LevelPair, m: Matrix, u: Tensor, similarity: Similarity) -> tuple[float, Tensor]:
    """The loss, and its derivative by ``u``, ``(3, *shape)``."""
    warped, weight = at.warped(m, u)
    value, upstream = similarity.value_and_gradient(at.fixed, warped, weight)
    return value, warp_force(at.moving, m, u, upstream)


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
