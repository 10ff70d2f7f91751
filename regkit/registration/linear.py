"""The rigid and affine engine: L-BFGS on analytic gradients, coarse to fine."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import OptimizeResult, minimize

from regkit.geometry.affines import Matrix, apply_affine
from regkit.kernels import backend
from regkit.kernels.warping import affine_force
from regkit.losses.similarity import Similarity
from regkit.registration.config import LinearConfig
from regkit.registration.linear_parameters import Motion, Vector
from regkit.registration.pair import LevelPair, Pair, at_spacing, level
from regkit.registration.result import Level, Progress, Stage

Report = Callable[[Progress], None]
_LEAST_OVERLAP = 0.25


def register_linear(
    pair: Pair,
    start: Matrix,
    kind: str,
    similarity: Similarity,
    config: LinearConfig,
    report: Report,
    *,
    spacings: tuple[float, ...],
) -> tuple[Matrix, Stage]:
    """Improve a world affine from fixed to moving, as a ``rigid`` or ``affine`` motion of it.

    ``spacings`` are the working voxels, coarse to fine.

    Returns
    -------
    matrix, stage
        The better affine, and the record of the run.
    """
    begin = time.perf_counter()
    levels = []
    for number, spacing in enumerate(spacings):
        at = level(pair, at_spacing(pair.grid, spacing), similarity, pair.scope, start)
        motion = motion_of(at, kind, start, planar=pair.planar)
        told = _teller(report, kind, similarity.name, (number + 1, len(spacings)), config)
        start, record = descend(at, motion, similarity, config.iterations, config.tolerance, told)
        levels.append(record)
    seconds = time.perf_counter() - begin
    return start, Stage(kind, similarity.name, backend.name(pair.device), seconds, tuple(levels))


def motion_of(at: LevelPair, kind: str, start: Matrix, *, planar: bool) -> Motion:
    """The motion about the middle of where fixed counts."""
    index = torch.nonzero(at.weight.cpu()).double().numpy()
    points = apply_affine(at.grid.affine, index)
    centre = points.mean(axis=0)
    radius = float(np.sqrt(np.mean(((points - centre) ** 2).sum(axis=1))))
    u, _, vt = np.linalg.svd(at.grid.affine[:3, :3])
    return Motion.of(kind, start, centre, max(radius, 1e-6), planar=planar, axes=u @ vt)


def descend(
    at: LevelPair,
    motion: Motion,
    similarity: Similarity,
    iterations: int,
    tolerance: float,
    told: Callable[[int, float], None],
) -> tuple[Matrix, Level]:
    """Minimise on one level; stops when a step gains less than ``tolerance`` of the value."""
    values: list[float] = []
    # L-BFGS-B measures gains against max(|value|, 1); scaled, they are shares of the value.
    scale = 1 / max(abs(evaluate(at, motion.start, similarity)), 1e-6)

    def cost(parameters: Vector) -> tuple[float, Vector]:
        value, by_matrix = value_and_gradient(at, motion.matrix(parameters), similarity)
        return scale * value, scale * motion.gradient(parameters, by_matrix)

    # SciPy looks at the argument's name: by this one it hands over the value as well.
    def after(intermediate_result: OptimizeResult) -> None:
        values.append(float(intermediate_result.fun) / scale)
        told(len(values), values[-1])

    with backend.single_blas():
        found = minimize(
            cost,
            np.zeros(len(motion.active)),
            jac=True,
            method="L-BFGS-B",
            callback=after,
            options={"maxiter": iterations, "ftol": tolerance, "gtol": 1e-9, "maxls": 30},
        )
    record = Level(at.grid.spacing, at.grid.shape, tuple(values), bool(found.status == 0))
    return motion.matrix(found.x), record


def evaluate(at: LevelPair, affine: Matrix, similarity: Similarity) -> float:
    """The loss of a world affine; no overlap costs as much as an unrelated image."""
    warped, weight = warp_level(at, affine)
    if float(weight.sum()) < _LEAST_OVERLAP * float(at.weight.sum()):
        return _worst(similarity)
    return similarity.value(at.fixed, warped, weight)


def value_and_gradient(
    at: LevelPair, affine: Matrix, similarity: Similarity
) -> tuple[float, Matrix]:
    """Loss and its derivative by the upper ``(3, 4)`` of a world affine."""
    warped, weight = warp_level(at, affine)
    if float(weight.sum()) < _LEAST_OVERLAP * float(at.weight.sum()):
        return _worst(similarity), np.zeros((3, 4))
    value, upstream = similarity.value_and_gradient(at.fixed, warped, weight)
    by_index = affine_force(at.moving, at.matrix(affine), upstream)
    turn = at.moving_grid.inverse_affine[:3, :3]
    out: Matrix = turn.T @ by_index @ at.grid.affine.T
    return value, out


def warp_level(at: LevelPair, affine: Matrix) -> tuple[torch.Tensor, torch.Tensor]:
    """The moving features through a world affine, and the weight where they overlap."""
    still = torch.zeros(3, 1, 1, 1, device=at.fixed.device)
    return at.warped(at.matrix(affine), still)


def _worst(similarity: Similarity) -> float:
    return 0.0 if similarity.name == "mi" else 1.0


def _teller(
    report: Report, stage: str, name: str, place: tuple[int, int], config: LinearConfig
) -> Callable[[int, float], None]:
    def told(iteration: int, value: float) -> None:
        report(Progress(stage, name, *place, iteration, config.iterations, value))

    return told
