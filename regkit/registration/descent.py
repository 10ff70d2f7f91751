"""One level of the field engine: descend until it no longer improves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from regkit.geometry.affines import Matrix
from regkit.kernels.fields import compose_fields
from regkit.kernels.momentum import momentum_step
from regkit.kernels.smoothing import gaussian
from regkit.kernels.warping import displacement_gradient
from regkit.losses.similarity import Similarity
from regkit.registration.config import FieldConfig
from regkit.registration.guides import LevelGuides
from regkit.registration.pair import LevelPair
from regkit.registration.result import Level

_WINDOW = 10  # iterations over which a gain is judged
_DRAWS = 4  # by which a loss is judged that is random


@dataclass(frozen=True)
class DescentResult:
    """Where a descent ended, its record, and the loss before and after."""

    u: Tensor
    level: Level
    first: float = 0.0
    last: float = 0.0


@dataclass(frozen=True)
class Descent:
    """A level to be gone down, in any setting and from any start."""

    at: LevelPair
    affine: Matrix
    similarity: Similarity
    iterations: int
    told: Callable[[int, float], None]
    guides: LevelGuides | None = None

    def run(self, start: Tensor, config: FieldConfig) -> DescentResult:
        """As far down as the level goes; ``start`` itself where nothing was gained."""
        at, (values, settled, u), shape = self.at, self._path(start, config), self.at.grid.shape
        record = Level(at.grid.spacing, shape, tuple(values), settled)
        if not values:
            return DescentResult(start, record)
        first, last = values[0], values[-1]
        if self.similarity.is_stochastic(shape):
            first, last = (self._mean_loss(each) for each in (start, u))
        if last < first:
            return DescentResult(u, record, first, last)
        # Steps have a size even where there is nothing to gain.
        return DescentResult(start, record, first, first)

    def loss_of(self, u: Tensor) -> float:
        """The loss that a run from ``u`` begins with."""
        varies = self.similarity.is_stochastic(self.at.grid.shape)
        return self._mean_loss(u) if varies else sum(self._force(u)[0])

    def _path(self, start: Tensor, config: FieldConfig) -> tuple[list[float], bool, Tensor]:
        """The losses on the way, whether images and guides have settled, and where it ends."""
        config = bound_steps(config, min(self.at.grid.spacing[1:]))
        shape = self.at.grid.shape
        varies, values = self.similarity.is_stochastic(shape), list[tuple[float, float]]()
        u, speed = start, torch.zeros_like(start)
        ratio = shape[-1] / start.shape[-1]  # of a voxel of the field to one of the images
        coarse = (start.shape[1], start.shape[2], start.shape[3])
        weight = functional.adaptive_avg_pool3d(self.at.weight[None], coarse)[0]
        for _ in range(self.iterations):
            value, force = self._force(u)
            values.append(value)
            self.told(len(values), sum(value))
            if not varies and _all_settled(values, config.tolerance):
                break
            force = gaussian(force, config.update_sigma / ratio, zero=True, spare=True)
            speed = momentum_step(
                speed, force, weight, step=config.step / ratio, momentum=config.momentum
            )
            moved = compose_fields(u, speed, out=force)
            u = pin_border(gaussian(moved, config.field_sigma / ratio, zero=True, spare=True))
        return [sum(each) for each in values], _all_settled(values, config.tolerance), u

    def _mean_loss(self, u: Tensor) -> float:
        """By the same draws for every ``u``: at single steps its chance drowns its gain."""
        at, similarity = self.at, self.similarity
        warped, weight = at.warped(at.matrix(self.affine), u)
        with similarity.fixed_seed(0):
            mean = sum(similarity.value(at.fixed, warped, weight) for _ in range(_DRAWS)) / _DRAWS
        return mean if self.guides is None else mean + self.guides.value_and_gradient(u, weight)[0]

    def _force(self, u: Tensor) -> tuple[tuple[float, float], Tensor]:
        """Losses of images and guides, and where the field is to move, on the grid of ``u``."""
        at = self.at
        warped, weight = at.warped(at.matrix(self.affine), u)
        value, upstream = self.similarity.value_and_gradient(at.fixed, warped, weight)
        force = displacement_gradient(warped, weight, upstream, tuple(u.shape[1:]))
        guided = 0.0
        if self.guides is not None:
            guided, pull = self.guides.value_and_gradient(u, weight)
            force = force.add_(pull)
        for axis in at.still:
            force[axis] = 0
        return (value, guided), force


def _all_settled(values: Sequence[tuple[float, float]], tolerance: float) -> bool:
    """Whether neither images nor guides gain any more: what the one gains would hide the other."""
    parts = [part for part in zip(*values, strict=True) if any(part)]
    return bool(parts) and all(_settled(part, tolerance) for part in parts)


def _settled(values: Sequence[float], tolerance: float) -> bool:
    """Whether the last window gained less than ``tolerance`` of all that the level gained."""
    if len(values) <= _WINDOW:
        return False
    return values[-_WINDOW - 1] - values[-1] < tolerance * (values[0] - values[-1])


def bound_steps(config: FieldConfig, spacing: float) -> FieldConfig:
    """Shorten the lengths of one iteration in ``config`` where voxels are large.

    Smoothing a force by 1.7 voxels of 16 mm drags along whatever lies within an organ of the
    edge that caused it, and finer levels do not undo that where the image is empty.
    """
    share = min(1.0, config.max_step / spacing)
    return config.model_copy(
        update={"step": share * config.step, "update_sigma": share * config.update_sigma}
    )


def pin_border(u: Tensor) -> Tensor:
    """Set a displacement ``(3, *spatial)`` to zero on the border of its grid, in place.

    So the field joins the identity outside; along an axis of one voxel there is no border.
    """
    for axis in range(1, 4):
        if u.shape[axis] > 1:
            u.select(axis, 0).zero_()
            u.select(axis, -1).zero_()
    return u
