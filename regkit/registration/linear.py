"""The rigid and affine engine: L-BFGS on analytic gradients, coarse to fine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import count

import numpy as np

from regkit.geometry.affines import Matrix, apply_affine
from regkit.kernels import backend
from regkit.losses.similarity import Similarity
from regkit.registration.config import LinearConfig
from regkit.registration.lbfgs import minimize
from regkit.registration.linear_loss import evaluate, linear_level, value_and_gradient
from regkit.registration.linear_parameters import Motion, Vector
from regkit.registration.pair import LevelPair, Pair
from regkit.registration.result import EngineProgress, EngineStage, Level, OnEngineProgress

_RIVAL = 0.95  # of what the best start gains over an image that shows nothing


def register_linear(
    pair: Pair,
    starts: Sequence[Matrix],
    kind: str,
    similarity: Similarity,
    config: LinearConfig,
    on_progress: OnEngineProgress,
    *,
    spacings: tuple[float, ...],
) -> tuple[Matrix, EngineStage]:
    """Improve a world affine from fixed to moving by a ``rigid`` or ``affine`` motion.

    Every level goes on from what looks best in its own voxels: one of ``starts`` (what earlier
    stages ended with, the last one first choice), or what the coarser levels made of it. Where
    another of them lies elsewhere and looks about as good, it is a second start.

    Parameters
    ----------
    pair
        The images at body scale.
    starts
        World affines from fixed to moving (4, 4), at least one.
    kind
        ``rigid`` or ``affine``: what the motion may do.
    similarity
        Of all channels of the pair.
    config
        Iterations of a level, and the gain at which it ends.
    on_progress
        Called at every iteration.
    spacings
        The working voxels, coarse to fine, in world units.

    Returns
    -------
    matrix, stage
        The best affine, and the record of the run.
    """
    begin = time.perf_counter()
    levels, known, notes = [], list(starts), []
    for number, spacing in enumerate(spacings):
        at = linear_level(pair, spacing, similarity, known[-1])
        starting = _starts(at, known, similarity)
        if starting[0] is not known[-1]:
            notes.append(f"what was found before did not hold at level {number + 1}: dropped")
        motions = [motion_of(at, kind, each, planar=pair.planar) for each in starting]
        told = _teller(on_progress, kind, similarity.name, (number + 1, len(spacings)), config)
        ends = [
            optimize_affine(at, motion, similarity, config.iterations, config.tolerance, told)
            for motion in motions
        ]
        found, record = min(ends, key=lambda end: evaluate(at, end[0], similarity))
        if found is not ends[0][0]:
            notes.append(f"a second start ended better at level {number + 1}")
        known.append(found)
        levels.append(record)
    seconds, kernels = time.perf_counter() - begin, backend.name(pair.device)
    return known[-1], EngineStage(
        kind, similarity.name, kernels, seconds, tuple(levels), note="; ".join(notes)
    )


def best_of(at: LevelPair, affines: Sequence[Matrix], similarity: Similarity) -> Matrix:
    """Return the affine with the least loss; the last one where they are alike.

    Parameters
    ----------
    at
        The level on which they are compared.
    affines
        World affines from fixed to moving (4, 4).
    similarity
        Of all channels of the pair.
    """
    scores = [evaluate(at, affine, similarity) for affine in reversed(affines)]
    return affines[len(affines) - 1 - int(np.argmin(scores))]


def _starts(at: LevelPair, known: Sequence[Matrix], similarity: Similarity) -> list[Matrix]:
    """The best of ``known``, and the best that lies elsewhere, if it is about as good.

    A local similarity has so many minima that one start more tells nothing.
    """
    best = best_of(at, known, similarity)
    if not similarity.informs:
        return [best]
    most = at.blank - evaluate(at, best, similarity)
    rivals = [
        each
        for each in known
        if _distance(at, each, best) > min(at.grid.spacing[1:])
        and at.blank - evaluate(at, each, similarity) >= _RIVAL * most
    ]
    return [best, best_of(at, rivals, similarity)] if rivals else [best]


def _distance(at: LevelPair, one: Matrix, other: Matrix) -> float:
    """Between where two affines take what counts of fixed, root of the mean square."""
    points = _points(at)
    apart = apply_affine(one, points) - apply_affine(other, points)
    return float(np.sqrt((apart**2).sum(axis=1).mean()))


def _points(at: LevelPair) -> Vector:
    """World points ``(N, 3)`` of the voxels where fixed counts."""
    index = np.argwhere(at.weight.cpu().numpy())
    return apply_affine(at.grid.affine, index)


def motion_of(at: LevelPair, kind: str, start: Matrix, *, planar: bool) -> Motion:
    """Parametrise the motions of an affine about the middle of where fixed counts.

    Parameters
    ----------
    at
        The level, whose weights say where fixed counts.
    kind
        ``rigid`` or ``affine``.
    start
        World affine from fixed to moving (4, 4) that the zero motion leaves as it is.
    planar
        Keep to motions within the plane of a lifted 2-D pair.
    """
    points = _points(at)
    centre = points.mean(axis=0)
    radius = float(np.sqrt(np.mean(((points - centre) ** 2).sum(axis=1))))
    u, _, vt = np.linalg.svd(at.grid.affine[:3, :3])
    return Motion.of(kind, start, centre, max(radius, 1e-6), planar=planar, axes=u @ vt)


def optimize_affine(
    at: LevelPair,
    motion: Motion,
    similarity: Similarity,
    iterations: int,
    tolerance: float,
    told: Callable[[int, float], None],
    known: Callable[[Matrix], bool] = lambda _: False,
) -> tuple[Matrix, Level]:
    """Minimise the loss on one level by L-BFGS.

    Parameters
    ----------
    at
        The level.
    motion
        The parameters, from a zero that is the start.
    similarity
        Of all channels of the pair.
    iterations
        The most that may be taken.
    tolerance
        It ends when a step gains less than this share of the loss.
    told
        Called after every iteration with its number and the loss.
    known
        Whether the end of the way is known from a world affine (4, 4) on it, which is then
        returned.

    Returns
    -------
    matrix, level
        World affine from fixed to moving (4, 4), and the record of the level.
    """
    # Gains are measured against 1 at least; scaled, they are shares of the value.
    scale = 1 / max(abs(evaluate(at, motion.start, similarity)), 1e-6)

    def cost(parameters: Vector) -> tuple[float, Vector]:
        value, by_matrix = value_and_gradient(at, motion.matrix(parameters), similarity)
        return scale * value, scale * motion.gradient(parameters, by_matrix)

    numbers = count(1)

    def after(parameters: Vector, value: float) -> bool:
        told(next(numbers), value / scale)
        return known(motion.matrix(parameters))

    start = np.zeros(len(motion.active))
    found = minimize(cost, start, iterations=iterations, tolerance=tolerance, after=after)
    values = tuple(value / scale for value in found.values)
    return motion.matrix(found.at), Level(at.grid.spacing, at.grid.shape, values, found.converged)


def _teller(
    on_progress: OnEngineProgress,
    stage: str,
    name: str,
    place: tuple[int, int],
    config: LinearConfig,
) -> Callable[[int, float], None]:
    def told(iteration: int, value: float) -> None:
        on_progress(EngineProgress(stage, name, *place, iteration, config.iterations, value))

    return told
