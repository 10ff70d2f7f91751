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
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.kernels import backend
from regkit.kernels.fields import invert, remove_folds, turn_vectors
from regkit.kernels.warping import warp_grid
from regkit.losses.similarity import Similarity
from regkit.registration.agreement import PairBlocks
from regkit.registration.comparison import is_near
from regkit.registration.config import FieldConfig
from regkit.registration.descent import Descent, DescentResult, pin_border
from regkit.registration.field_plan import bound_iterations, least_factor, shorten_after_network
from regkit.registration.guides import Guides, LevelGuides
from regkit.registration.pair import Pair, coarser, level
from regkit.registration.result import EngineProgress, EngineStage, OnEngineProgress
from regkit.registration.smoothness import (
    SmoothShare,
    coarse_smooth_config,
    first_level,
    is_enough,
    smooth_config,
)
from regkit.registration.state import EngineState
from regkit.registration.symmetric import exchange_level, mean_with_inverse
from regkit.transforms import DisplacementField
from regkit.transforms.displacement import from_index


@dataclass(frozen=True)
class FieldEngine:
    """The displacement before the affine, from what was given or what a network made."""

    config: FieldConfig
    on_progress: OnEngineProgress
    guides: Guides | None = None

    def run(self, pair: Pair, state: EngineState) -> EngineState:
        """See :class:`~regkit.registration.engines.Engine`."""
        single = state.chosen.similarity
        refined = state.field is not None
        config = shorten_after_network(self.config, single) if refined else self.config
        field, stage, explained = register_field(
            pair,
            state.affine,
            pair.compared_by(single),
            config,
            self.on_progress,
            start=state.field or state.initial,
            guides=self.guides,
        )
        return state.after(stage, field=field, back=None, smooth=explained.smooth)


def register_field(
    pair: Pair,
    affine: Matrix,
    similarity: Similarity,
    config: FieldConfig,
    on_progress: OnEngineProgress,
    *,
    start: Callable[[Tensor], Tensor] | None = None,
    guides: Guides | None = None,
) -> tuple[DisplacementField, EngineStage, SmoothShare]:
    """Find the displacement that precedes ``affine``: ``phi = affine o (id + u)``.

    Diffeomorphic registration by composed, smoothed forces (Vercauteren et al., NeuroImage 2009),
    coarse to fine.

    Parameters
    ----------
    pair
        The images at body scale.
    affine
        World affine from fixed to moving (4, 4); it stays as it is.
    similarity
        Of all channels of the pair.
    config
        Levels, iterations and smoothing.
    on_progress
        Called at every iteration.
    start
        World points of fixed to world points of fixed: a displacement to refine. Where it folds,
        or the border of the working grid cuts it off, it is smoothed until it does not; and
        everywhere if a smooth field explains the pair.
    guides
        Labels and landmarks that are to meet, beside the intensities.

    Returns
    -------
    field, stage, explained
        On the finest working grid, world units of fixed; the record of the run; and whether a
        smooth field explains the pair.
    """
    begin = time.perf_counter()
    search = _Search(pair, affine, similarity, config, on_progress, guides)
    grid = search.grid_of(0)
    u = pin_border(_first(start, grid)).to(pair.device)
    done, explained = search.first(u, started=start is not None)
    levels = [done.level]
    for number in range(1, len(config.factors)):
        u, grid = refit(done.u, grid, search.grid_of(number)), search.grid_of(number)
        done = search.next(number, pin_border(u), explained)
        levels.append(done.level)
    note = f"smooth: one anatomy, {explained.share:.0%} explained" if explained.smooth else ""
    kernels, seconds = backend.name(pair.device), time.perf_counter() - begin
    stage = EngineStage("field", similarity.name, kernels, seconds, tuple(levels), note=note)
    return from_index(done.u.cpu(), grid), stage, explained


@dataclass(frozen=True)
class _Search:
    """What does not change from level to level."""

    pair: Pair
    affine: Matrix
    similarity: Similarity
    config: FieldConfig
    on_progress: OnEngineProgress
    guides: Guides | None

    def grid_of(self, number: int) -> Grid:
        """Of the field; that of the images where so many voxels are allowed."""
        least = least_factor(self.pair.grid, self.config.max_field_voxels)
        return coarser(self.pair.grid, max(least, self.config.factors[number]))

    def first(self, u: Tensor, *, started: bool) -> tuple[DescentResult, SmoothShare]:
        """The coarsest level, where it shows whether a smooth field explains the pair."""
        descent = self._descent(0)
        # Images alone tell whether there is one anatomy: what guides gain says nothing of that.
        done, explained = first_level(
            replace(descent, guides=None), u, self.config, self._judge(descent.at.grid),
            started=started,
        )  # fmt: skip
        config = coarse_smooth_config(self.config) if explained.smooth else self.config
        if self.guides is not None:
            done = descent.run(done.u, config)
        return self._from_both_sides(descent, u, done, config), explained

    def next(self, number: int, u: Tensor, explained: SmoothShare) -> DescentResult:
        """A finer level, as smooth as the first has shown."""
        descent, config = self._descent(number), self.config
        if explained.smooth:
            finer = config.factors[0] / config.factors[number]
            config = smooth_config(config, descent.at.grid.shape, finer)
        return self._from_both_sides(descent, u, descent.run(u, config), config)

    def _judge(self, grid: Grid) -> Callable[[Tensor, Tensor], bool]:
        """Whether blocks say that a smooth displacement will do beside a free one."""
        pair, across = self.pair, self.similarity.traits.across_contrasts
        lying = partial(PairBlocks.on(pair, grid).agreement, self.affine)
        return lambda quiet, free: (
            is_enough(lying(quiet), lying(free), across=across) and is_near(pair, self.affine)
        )

    def _descent(self, number: int) -> Descent:
        pair = self.pair
        grid = coarser(pair.grid, self.config.factors[number])
        similarity = self.similarity.at(min(grid.spacing[1:]))
        iterations = bound_iterations(
            self.config.iterations[number], math.prod(grid.shape), self.config
        )
        return Descent(
            level(pair, grid, similarity, pair.region, self.affine),
            self.affine,
            similarity,
            iterations,
            self._teller(number, iterations),
            self._guides_on(grid),
        )

    def _guides_on(self, grid: Grid, *, exchanged: bool = False) -> LevelGuides | None:
        if self.guides is None:
            return None
        return self.guides.on(grid, self.affine, self.pair.device, exchanged=exchanged)

    def _from_both_sides(
        self, descent: Descent, start: Tensor, done: DescentResult, config: FieldConfig
    ) -> DescentResult:
        """``done``, or its mean with what is found from the other side, where voxels are large."""
        grid = descent.at.grid
        if min(grid.spacing[1:]) < config.symmetric_above or descent.iterations == 0:
            return done
        back = replace(
            descent,
            at=exchange_level(self.pair, descent.at, self.affine),
            affine=np.eye(4),
            guides=self._guides_on(grid, exchanged=True),
        )
        other = back.run(invert(start)[0], config)
        return replace(done, u=pin_border(mean_with_inverse(done.u, other.u)))

    def _teller(self, number: int, iterations: int) -> Callable[[int, float], None]:
        total, name = len(self.config.factors), self.similarity.name

        def on_step(iteration: int, value: float) -> None:
            self.on_progress(
                EngineProgress("field", name, number + 1, total, iteration, iterations, value)
            )

        return on_step


def refit(u: Tensor, old: Grid, new: Grid) -> Tensor:
    """Resample a displacement on another grid, and count it in the voxels of that one.

    Parameters
    ----------
    u
        The displacement, ``(3, *old.shape)``, in voxels of ``old``; 0 on its border, as beyond.
    old, new
        Its grid, and one whose axes run along the same directions of the world.

    Returns
    -------
    Tensor
        ``(3, *new.shape)``, in voxels of ``new``.
    """
    to_old = old.inverse_affine @ new.affine
    still = torch.zeros(3, 1, 1, 1, device=u.device)
    found = warp_grid(u, to_old, still, new.shape)
    return turn_vectors(found, np.diag(1 / np.diag(to_old)[:3]), out=found)


def _first(start: Callable[[Tensor], Tensor] | None, grid: Grid) -> Tensor:
    if start is None:
        return torch.zeros(3, *grid.shape)
    x = grid.world_points()
    moved = grid.to_index(start(x)) - grid.to_index(x)
    # Small steps keep a map from folding; they do not unfold it.
    return remove_folds(pin_border(moved.movedim(-1, 0).float().contiguous()))
