"""The work of a registration, from two images in memory to a result."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

from regkit.metrics.landmarks import landmark_error, landmark_metrics
from regkit.metrics.overlap import dice_metrics
from regkit.metrics.structures import StructureScore, score_structures
from regkit.registration import result as engines
from regkit.registration.pipeline import register
from regkit.registration.prepared import PreparedImage
from regkit.resample import warp
from regkit.runs.inputs import shown_name
from regkit.runs.lines import describe
from regkit.runs.progress import OnProgress, Progress
from regkit.runs.register.names import warped_name
from regkit.runs.register.outcome import RegisterOutcome
from regkit.runs.register.pair import OpenedPair
from regkit.transforms import Affine, Transform

if TYPE_CHECKING:
    from regkit.runs.register.job import RegisterJob

_PAGE = "regkit.report.registration.page"


@dataclass(frozen=True)
class RegisterTask:
    """A registration whose files have been read and checked.

    Parameters
    ----------
    job
        What was asked for.
    pair
        Its files in memory.
    prepared
        What :func:`regkit.prepare` made of ``pair.fixed`` and its mask before, where somebody did:
        the result is the same, sooner.
    """

    job: RegisterJob
    pair: OpenedPair
    prepared: PreparedImage | None = None

    @property
    def introduction(self) -> tuple[str, ...]:
        """Which image was taken as fixed and which as moving."""
        pair, paths, full = self.pair, self.job.paths, self.job.full_paths
        return (
            describe("fixed", pair.fixed, shown_name(paths.fixed, full=full)),
            describe("moving", pair.moving, shown_name(paths.moving, full=full)),
        )

    @property
    def notices(self) -> tuple[str, ...]:
        """What a user should know about the pair."""
        return self.pair.notices

    def execute(self, on_progress: OnProgress) -> RegisterOutcome:
        """Register, measure, and warp the labels."""
        # What draws the report is imported while loops run, which leave Python to others.
        Thread(target=import_module, args=(_PAGE,), daemon=True).start()
        pair = self.pair
        result = self._registered(on_progress)
        labels = {
            warped_name(path): warp(each, result.transform, onto=result.fixed.grid)
            for path, each in zip(self.job.paths.moving_labels, pair.moving_labels, strict=True)
        }
        scores = compared_structures(pair, result.transform)
        before, after = (overlap_metrics(scores, name) for name in ("dice_before", "dice"))
        before |= landmark_errors_before(pair)
        measured = replace(result, metrics={**result.metrics, **after})
        return RegisterOutcome(
            self.job.preset, measured, labels, before, tuple(scores), pair.fixed_labels
        )

    def _registered(self, on_progress: OnProgress) -> engines.Result:
        pair, config = self.pair, self.job.config
        return register(
            self.prepared or pair.fixed,
            pair.moving,
            config=config,
            fixed_mask=pair.fixed_mask,
            moving_mask=pair.moving_mask,
            fixed_labels=pair.fixed_labels if config.dice else None,
            moving_labels=pair.moving_labels[0] if config.dice else None,
            fixed_landmarks=pair.landmarks and pair.landmarks[0],
            moving_landmarks=pair.landmarks and pair.landmarks[1],
            initial=pair.initial,
            progress=shown_by(on_progress),
        )


def compared_structures(pair: OpenedPair, phi: Transform) -> list[StructureScore]:
    """Compare fixed's labels with the first of moving's, through the initial transform and ``phi``.

    Empty without labels of fixed. ``phi`` takes world points of fixed to those of moving.

    Raises
    ------
    InputError
        If no structure occurs in either map.
    """
    if pair.fixed_labels is None:
        return []
    fixed, moving = pair.fixed_labels, pair.moving_labels[0]
    start = pair.initial or Affine.identity(pair.fixed.ndim)
    before, after = (warp(moving, each, onto=fixed.grid) for each in (start, phi))
    return score_structures(fixed, before, after)


def landmark_errors_before(pair: OpenedPair) -> dict[str, float]:
    """Measure the landmarks through the initial transform; empty without landmarks."""
    if pair.landmarks is None:
        return {}
    start = pair.initial or Affine.identity(pair.fixed.ndim)
    return landmark_metrics(landmark_error(start, *pair.landmarks))


def overlap_metrics(scores: Sequence[StructureScore], name: str) -> dict[str, float]:
    """Return the mean and the worst Dice, before or after by ``name``; empty without scores."""
    if not scores:
        return {}
    return dice_metrics({score.label: getattr(score, name) for score in scores})


def shown_by(on_progress: OnProgress) -> Callable[[engines.EngineProgress], None]:
    """Make of the callback of a job one that an engine can report to."""
    return lambda found: on_progress(Progress(found.stage, _share(found), _note(found)))


def _share(found: engines.EngineProgress) -> float:
    within = (found.iteration + 1) / max(found.iterations, 1)
    return (found.level - 1 + min(within, 1.0)) / max(found.levels, 1)


def _note(found: engines.EngineProgress) -> str:
    value = "" if math.isnan(found.value) else f" {found.value:.4f}"
    return f"level {found.level}/{found.levels}  {found.similarity}{value}"
