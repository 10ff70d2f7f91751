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
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.kernels import backend
from regkit.kernels.fields import unfolded
from regkit.kernels.sampling import sample
from regkit.losses.similarity import Similarity
from regkit.registration.agreement import Agreement, agreement, images_on
from regkit.registration.config import FieldConfig
from regkit.registration.descent import descend, pinned
from regkit.registration.guides import Guides
from regkit.registration.pair import LevelPair, Pair, coarser, level
from regkit.registration.result import Level, Progress, Report, Stage
from regkit.registration.sides import met, mirrored
from regkit.registration.smoothness import Explained, calm, first_level, smoothed
from regkit.transforms import DisplacementField
from regkit.transforms.displacement import from_index

SMOOTH = "smooth: one anatomy"  # how the note of a stage begins


def register_field(
    pair: Pair,
    affine: Matrix,
    similarity: Similarity,
    config: FieldConfig,
    report: Report,
    *,
    start: Callable[[Tensor], Tensor] | None = None,
    guides: Guides | None = None,
) -> tuple[DisplacementField, Stage]:
    """Find the displacement that follows ``affine``: ``phi = affine o (id + u)``.

    Parameters
    ----------
    affine
        World affine from fixed to moving; it stays as it is.
    start
        World points of fixed to world points of fixed: a displacement to refine. Where it folds,
        or the border of the working grid cuts it off, it is smoothed until it does not; and
        everywhere if a smooth field explains the pair.
    guides
        Labels that are to meet, beside the intensities.

    Returns
    -------
    field, stage
        On the finest working grid, world units of fixed; and the record of the run.
    """
    begin = time.perf_counter()
    levels: list[Level] = []
    explained = Explained(0.0, smooth=False)
    least = _least_factor(pair.grid, config.max_field_voxels)
    grid = coarser(pair.grid, max(least, config.factors[0]))
    u = _first(start, grid).to(pair.device)
    for number, (factor, iterations) in enumerate(
        zip(config.factors, config.iterations, strict=True)
    ):
        own = coarser(pair.grid, factor)
        voxel = min(own.spacing[1:])
        suited = similarity.at(voxel)
        at = level(pair, own, suited, pair.region, affine)
        finer = coarser(pair.grid, max(least, factor))
        u, grid = pinned(refit(u, grid, finer)), finer
        iterations = bound(iterations, math.prod(own.shape), config)
        told = _teller(report, similarity.name, number, iterations, config)
        run = partial(descend, similarity=suited, iterations=iterations, told=told)
        there = partial(run, at, affine, guides=guides and guides.on(own, affine, pair.device))
        if number == 0:
            judge = (
                None if guides else partial(_agreement, images_on(pair, own), affine, pair.shares)
            )
            found, record, explained = first_level(
                there,
                u,
                config,
                judge,
                started=start is not None,
                across=similarity.traits.across_contrasts,
            )
            here = calm(config) if explained.smooth else config
        else:
            wide = smoothed(config, own.shape, config.factors[0] / factor)
            here = wide if explained.smooth else config
            found, record, _ = there(u, config=here)
        if voxel >= config.symmetric and iterations > 0:
            labels = guides and guides.on(own, affine, pair.device, exchanged=True)
            other = mirrored(pair, at, affine)
            back = partial(run, other, np.eye(4), config=here, guides=labels)
            found = pinned(met(found, u, back))
        u = found
        levels.append(record)
    stage = Stage(
        "field",
        similarity.name,
        backend.name(pair.device),
        time.perf_counter() - begin,
        tuple(levels),
        note=f"{SMOOTH}, {explained.share:.0%} explained" if explained.smooth else "",
    )
    return from_index(u.cpu(), grid), stage


def _agreement(images: LevelPair, affine: Matrix, shares: Sequence[float], u: Tensor) -> Agreement:
    """How well blocks lie in their place through ``affine o (id + u)``."""
    return agreement(images.fixed, *images.warped(images.matrix(affine), u), shares)


def _least_factor(grid: Grid, max_voxels: int) -> int:
    """How many voxels of ``grid`` go into one of the field, along an axis."""
    factor = 1
    while math.prod(coarser(grid, factor).shape) > max_voxels:
        factor *= 2
    return factor


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
    # Small steps keep a map from folding; they do not unfold it.
    return unfolded(pinned(moved.movedim(-1, 0).float().contiguous()))


def bound(iterations: int, voxels: int, config: FieldConfig) -> int:
    """How many iterations a level of ``voxels`` may take; a level of none stays without."""
    if iterations == 0:
        return 0
    return max(iterations, min(config.iterations[0], config.effort // voxels))


def _teller(
    report: Report,
    name: str,
    number: int,
    iterations: int,
    config: FieldConfig,
) -> Callable[[int, float], None]:
    def told(iteration: int, value: float) -> None:
        total = len(config.factors)
        report(Progress("field", name, number + 1, total, iteration, iterations, value))

    return told
