"""One level of the field engine: descend until it no longer improves."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from regkit.geometry.affines import Matrix
from regkit.kernels.fields import compose_fields
from regkit.kernels.momentum import advance
from regkit.kernels.smoothing import gaussian
from regkit.kernels.warping import step_force
from regkit.losses.similarity import Similarity
from regkit.registration.config import FieldConfig
from regkit.registration.guides import LevelGuides
from regkit.registration.pair import LevelPair
from regkit.registration.result import Level

Ends = tuple[float, float]  # a loss before and after

_WINDOW = 10  # iterations over which a gain is judged
_DRAWS = 4  # by which a loss is judged that is random


def descend(
    at: LevelPair,
    affine: Matrix,
    start: Tensor,
    similarity: Similarity,
    config: FieldConfig,
    iterations: int,
    told: Callable[[int, float], None],
    guides: LevelGuides | None = None,
) -> tuple[Tensor, Level, Ends]:
    """From ``start`` on, at most so many iterations; ``start`` itself where nothing was gained."""
    m = at.matrix(affine)
    config = bounded(config, min(at.grid.spacing[1:]))
    values: list[float] = []
    varies = similarity.varies(at.grid.shape)
    u, speed = start, torch.zeros_like(start)
    ratio = at.grid.shape[-1] / start.shape[-1]  # of a voxel of the field to one of the images
    shape = (start.shape[1], start.shape[2], start.shape[3])
    weight = functional.adaptive_avg_pool3d(at.weight[None], shape)[0]
    for _ in range(iterations):
        value, force = _force(at, m, u, similarity, guides)
        values.append(value)
        told(len(values), value)
        if not varies and _settled(values, config.tolerance):
            break
        for axis in at.still:
            force[axis] = 0
        force = gaussian(force, config.update_sigma / ratio, zero=True, spare=True)
        speed = advance(speed, force, weight, step=config.step / ratio, momentum=config.momentum)
        moved = compose_fields(u, speed, out=force)
        u = pinned(gaussian(moved, config.field_sigma / ratio, zero=True, spare=True))
    settled = _settled(values, config.tolerance)
    record = Level(at.grid.spacing, at.grid.shape, tuple(values), settled)
    if not values:
        return start, record, (0.0, 0.0)
    first, last = values[0], values[-1]
    if varies:
        first, last = (_judged(at, m, each, similarity, guides) for each in (start, u))
    if last < first:
        return u, record, (first, last)
    return start, record, (first, first)  # steps have a size even where there is nothing to gain


def _judged(
    at: LevelPair, m: Matrix, u: Tensor, similarity: Similarity, guides: LevelGuides | None
) -> float:
    """The loss by the same draws for every ``u``: at single steps its chance drowns its gain."""
    warped, weight = at.warped(m, u)
    with similarity.drawn_by(0):
        mean = sum(similarity.value(at.fixed, warped, weight) for _ in range(_DRAWS)) / _DRAWS
    return mean if guides is None else mean + guides.pull(u, weight)[0]


def _force(
    at: LevelPair, m: Matrix, u: Tensor, similarity: Similarity, guides: LevelGuides | None
) -> tuple[float, Tensor]:
    """The loss, and its derivative by ``u``, on the grid of ``u``."""
    warped, weight = at.warped(m, u)
    value, upstream = similarity.value_and_gradient(at.fixed, warped, weight)
    force = step_force(warped, weight, upstream, tuple(u.shape[1:]))
    if guides is None:
        return value, force
    more, pull = guides.pull(u, weight)
    return value + more, force.add_(pull)


def _settled(values: list[float], tolerance: float) -> bool:
    """Whether the last window gained less than ``tolerance`` of all that the level gained."""
    if len(values) <= _WINDOW:
        return False
    return values[-_WINDOW - 1] - values[-1] < tolerance * (values[0] - values[-1])


def bounded(config: FieldConfig, spacing: float) -> FieldConfig:
    """``config`` with the lengths of one iteration shortened where voxels are large.

    Smoothing a force by 1.7 voxels of 16 mm drags along whatever lies within an organ of the
    edge that caused it, and finer levels do not undo that where the image is empty.
    """
    share = min(1.0, config.reach / spacing)
    return config.model_copy(
        update={"step": share * config.step, "update_sigma": share * config.update_sigma}
    )


def pinned(u: Tensor) -> Tensor:
    """Hold the border of the grid in place, so that the field joins the identity outside."""
    for axis in range(1, 4):
        if u.shape[axis] > 1:
            u.select(axis, 0).zero_()
            u.select(axis, -1).zero_()
    return u
