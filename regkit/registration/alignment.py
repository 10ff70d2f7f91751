"""The linear part of a registration: a start, the rigid and affine engines, and a last word."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.losses.mutual_information import MutualInformation
from regkit.losses.similarity import Similarity
from regkit.preprocess.noise import noise_sigma
from regkit.registration.agreement import images_on
from regkit.registration.check import check_overlap
from regkit.registration.choice import linear_similarity
from regkit.registration.config import LinearConfig, RegisterConfig
from regkit.registration.initialization import find_start
from regkit.registration.linear import best_of, register_linear
from regkit.registration.linear_loss import linear_level
from regkit.registration.pair import Pair, at_spacing, inverse_if, smaller_first, swap_images
from regkit.registration.result import EngineProgress, EngineStage, OnEngineProgress
from regkit.registration.state import EngineState

_FINER = 0.8  # than the level before


@dataclass(frozen=True)
class Alignment:
    """The start, then the rigid engine, then the affine one."""

    config: RegisterConfig
    on_progress: OnEngineProgress

    def run(self, pair: Pair, state: EngineState) -> EngineState:
        """See :class:`~regkit.registration.engines.Engine`; an affine that is known is a start."""
        start = state.affine if state.affines else None
        affines, stages = align(pair, self.config, start, self.on_progress)
        return state.after(*stages, affines=tuple(affines))


@dataclass(frozen=True)
class Polish:
    """The last word of the linear engine, by the similarity that suits the pair."""

    kind: str
    config: RegisterConfig
    on_progress: OnEngineProgress

    def run(self, pair: Pair, state: EngineState) -> EngineState:
        """See :class:`~regkit.registration.engines.Engine`."""
        last = state.chosen.last
        affine, stage = polish(
            pair, state.affines, last, self.config, self.on_progress, kind=self.kind
        )
        return state.after(stage, affines=(*state.affines, affine))


def align(
    pair: Pair, config: RegisterConfig, matrix: Matrix | None, on_progress: OnEngineProgress
) -> tuple[list[Matrix], list[EngineStage]]:
    """Find a start if there is none, then run the rigid engine and, if asked for, the affine one.

    Where moving shows much less of the world than fixed, the engines work with the two exchanged;
    what is taken and returned is of the pair as it was given.

    Parameters
    ----------
    pair
        The images at body scale.
    config
        Settings of the start and of the linear engine; a ``transform`` of ``rigid`` leaves the
        affine engine out.
    matrix
        World affine from fixed to moving (4, 4) to start from, or None to look for one.
    on_progress
        Called at every iteration.

    Returns
    -------
    affines, stages
        World affines from fixed to moving (4, 4): the start, then what each engine ended with; and
        the records of what ran.

    Raises
    ------
    InputError
        If fixed and moving do not overlap at the start.
    """
    stages: list[EngineStage] = []
    seen, exchanged = smaller_first(pair)
    if matrix is None:
        on_progress(EngineProgress("init", MutualInformation.name, 1, 1, 0, 1, float("nan")))
        found, stage = find_start(seen, config.init, sized=config.transform != "rigid")
        matrix = inverse_if(exchanged, found)
        stages.append(stage)
    check_overlap(pair, matrix)
    similarity = pair.compared_by(linear_similarity(config.similarity, config.field.radius))
    settings, spacings = config.linear, config.linear.spacings
    if config.transform == "deformable":
        spacings = _telling(seen.grid, settings)
        settings = settings.model_copy(update={"tolerance": settings.field_tolerance})
    # What the affine engine improves anyway need not be fine before it.
    plan = {"rigid": spacings[:1], "affine": spacings}
    if config.transform == "rigid":
        plan = {"rigid": spacings}
    known = [inverse_if(exchanged, matrix)]
    for kind, those in plan.items():
        found, stage = register_linear(
            seen, known, kind, similarity, settings, on_progress, spacings=those
        )
        known.append(found)
        stages.append(stage)
    return [inverse_if(exchanged, each) for each in known], stages


def _telling(grid: Grid, config: LinearConfig) -> tuple[float, ...]:
    """The working voxels of an affine before a field, none of them finer than they need be.

    Coarse to fine. Voxels hardly smaller than those of the level before tell no more than they.
    """
    size = [n * s for n, s in zip(grid.shape, grid.spacing, strict=True) if n > 1]
    least = (math.prod(size) / config.max_voxels) ** (1 / max(len(size), 1))
    found: list[float] = []
    for spacing in (max(each, least) for each in config.spacings):
        if not found or spacing < _FINER * found[-1]:
            found.append(spacing)
    return tuple(found)


def polish(
    pair: Pair,
    known: Sequence[Matrix],
    similarity: Similarity,
    config: RegisterConfig,
    on_progress: OnEngineProgress,
    *,
    kind: str,
) -> tuple[Matrix, EngineStage]:
    """Refine the affine once more in fine voxels, where no deformable engine follows.

    A local similarity has many minima. Where the images are exchanged it has others, so that the
    best place found that way is a second start, and the better end of the two is taken. A rigid
    motion is told by what stands out of the noise.

    Parameters
    ----------
    pair
        The images at body scale.
    known
        World affines from fixed to moving (4, 4): what earlier engines ended with, the last one
        first choice.
    similarity
        Of one channel; it is applied to all channels of the pair.
    config
        Settings, of which those of the linear engine count.
    on_progress
        Called at every iteration.
    kind
        ``rigid`` or ``affine``.

    Returns
    -------
    matrix, stage
        World affine from fixed to moving (4, 4), and the record.
    """
    begin = time.perf_counter()
    similarity = pair.compared_by(similarity)
    seen, exchanged = smaller_first(pair)
    if kind == "rigid":  # what stretches is told by faint texture too
        similarity = similarity.above_noise(_noise(pair, config.linear.polish[-1]))
    settings = config.linear.model_copy(update={"tolerance": config.linear.polish_tolerance})

    def found(at: Pair, starts: Sequence[Matrix]) -> tuple[Matrix, EngineStage]:
        return register_linear(
            at, starts, kind, similarity, settings, on_progress, spacings=settings.polish
        )

    starts = [inverse_if(exchanged, each) for each in known]
    matrix, stage = found(seen, starts)
    if not similarity.informs:
        other, _ = found(swap_images(seen), [inverse_if(True, each) for each in starts])
        second, record = found(seen, [inverse_if(True, other)])
        level = linear_level(seen, settings.polish[-1], similarity, matrix)
        if best_of(level, [second, matrix], similarity) is second:
            matrix, stage = second, replace(record, note="started from the images exchanged")
    return inverse_if(exchanged, matrix), replace(stage, seconds=time.perf_counter() - begin)


def _noise(pair: Pair, spacing: float) -> float:
    """Of the noisiest channel of either image, in voxels of ``spacing``."""
    at = images_on(pair, at_spacing(pair.grid, spacing))
    return max(noise_sigma(channel) for image in (at.fixed, at.moving) for channel in image)
