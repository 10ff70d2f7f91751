"""From two scenes to tie points and a smooth map: coarse to fine, each level by windows.

Every pass looks at moving through all that is known so far, in one interpolation, and adds what it
finds to the map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from regkit.errors import InputError
from regkit.geometry.affines import homogeneous
from regkit.registration.scenes.bands import ComparedBands
from regkit.registration.scenes.config import SceneConfig
from regkit.registration.scenes.consensus import (
    affine_consensus,
    is_by_chance,
    neighbour_consensus,
)
from regkit.registration.scenes.features import VALUES
from regkit.registration.scenes.looks import Viewer, ViewPair
from regkit.registration.scenes.motion import FittedMotion, fit_motion, shift_at
from regkit.registration.scenes.passes import Pass, Schedule
from regkit.registration.scenes.prediction import predict_values
from regkit.registration.scenes.ties import TiePoints, likeness, match, vote
from regkit.registration.scenes.windows import Floats
from regkit.transforms import Affine, Transform

_TOLERANCE = 2.0  # pixels
_PREDICTIONS = 3  # each knows values from where the last has put them
_REACH = 5  # pixels: edges are not so sure
PREDICTED = "prediction"


@dataclass(frozen=True, eq=False)
class SceneFit:
    """What was found, in the world of fixed.

    Parameters
    ----------
    motion
        World points of fixed to where they lie in moving, placed in fixed's world.
    ties
        Of the last pass, in pixels of fixed; ``shift`` is the whole way.
    residual
        ``(N, 2)``: what the motion leaves of the shift of each, in pixels.
    left_out
        ``(M)``: how far kept ones were off a map that did not know them, in pixels.
    before, after
        Mean correlation of the kept windows at the start, and at the last look.
    stiffness
        What the points chose; infinite for a motion without bending.
    overlap
        The share of fixed's valid pixels that moving covers.
    similarity
        By what the last tie points were matched: ``lncc``, ``edges`` or ``prediction``.
    """

    motion: Transform
    ties: TiePoints
    residual: Floats
    left_out: Floats
    before: float
    after: float
    stiffness: float
    overlap: float
    similarity: str = ""


Report = Callable[[str, float], None]


def fit_scenes(
    pair: ComparedBands, placed: Transform, config: SceneConfig, report: Report
) -> SceneFit:
    """Find the motion between two scenes that are compared.

    Parameters
    ----------
    pair
        Bands of both, and by what they are compared.
    placed
        World points of fixed to those of moving, by their headers alone.
    config
        How windows are matched.
    report
        Called with what is going on, and the share that is done.

    Raises
    ------
    InputError
        If they do not overlap, or too few windows agree for a result.
    """
    search = _Search(pair, pair.viewer(placed), config)
    passes = search.schedule.passes()
    state = search.start()
    for number, each in enumerate(passes):
        report(f"windows {number + 1} of {len(passes)}", number / len(passes))
        state = search.step(state, each)
    state = search.predicted(state, passes[-1])
    return search.summary(state, passes[-1])


@dataclass(frozen=True, eq=False)
class _State:
    """A motion so far, and the last tie points in pixels of fixed."""

    motion: Transform
    ties: TiePoints | None = None
    fitted: FittedMotion | None = None
    similarity: str = ""

    @property
    def doubt(self) -> float:
        """How far tie points are off a motion that does not know them, in the median."""
        return float("inf") if self.fitted is None else float(np.median(self.fitted.left_out))


@dataclass(frozen=True, eq=False)
class _Search:
    pair: ComparedBands
    viewer: Viewer
    config: SceneConfig

    @property
    def schedule(self) -> Schedule:
        """What is looked at, one after the other."""
        viewer = self.viewer
        return Schedule(viewer.grid.shape, viewer.similarity.window, self.config, viewer.ratio,
                        viewer.held)  # fmt: skip

    def start(self) -> _State:
        """The shift that most windows of the coarsest level vote for."""
        first = self.schedule.voting()
        level = self.viewer.look(Affine.identity(2), first.factor, first.window)
        self.check_overlap(level)
        votes = vote(level, first.window)
        best = np.array(np.unravel_index(int(votes.argmax()), votes.shape)) - first.window.reach
        if votes.max() <= 0:
            raise InputError(self.refusal("no window of one resembles the other anywhere"))
        shift = level.cover.grid.affine[:-1, :-1] @ best
        return _State(Affine(homogeneous(np.eye(2), shift)))

    def check_overlap(self, level: ViewPair) -> None:
        """Refuse scenes that share too little for a match."""
        if not bool((level.weight > 0).any()):
            raise InputError(f"{self.pair.names[0]}: no pixel has data; all are nodata or masked")
        if not bool((level.known > 0).any()):
            raise InputError(
                f"{self.pair.names[1]} does not overlap with {self.pair.names[0]}, as far as both "
                "have data; give scenes of one place"
            )

    def refusal(self, why: str) -> str:
        """One line that says why there is no result."""
        fixed, moving = self.pair.names
        return (
            f"{moving} cannot be registered to {fixed}: {why}. Give scenes that overlap more or "
            "show more, a --mask of their clouds, a larger --max-shift, another --window, or "
            "--similarity edges"
        )

    def step(self, state: _State, each: Pass) -> _State:
        """Match windows, believe those that agree, and move on."""
        level = self.viewer.look(state.motion, each.factor, each.window)
        return self._matched(state, level, each, self.pair.similarity)

    def predicted(self, state: _State, last: Pass) -> _State:
        """Match values of one scene with those that the other predicts, if that is surer.

        It needs a registration by edges that is nearly right.
        """
        if self.viewer.similarity is VALUES:
            return state
        viewer = replace(self.viewer, similarity=VALUES, seen={})
        last = replace(last, window=replace(last.window, reach=_REACH))
        best = state
        for _ in range(_PREDICTIONS):
            level = viewer.look(best.motion, last.factor, last.window)
            level = predict_values(level, moving=viewer.share == 0)
            try:
                found = self._matched(best, level, last, PREDICTED)
            except InputError:  # values say nothing of each other, or differ from place to place
                return best
            if best.similarity != PREDICTED and found.doubt > best.doubt:
                return best
            best = found
        return best

    def _matched(self, state: _State, level: ViewPair, each: Pass, similarity: str) -> _State:
        grid, kind = level.cover.grid, self.config.transform
        ties, patches = match(level, each.window, self.viewer.share)
        ties = self.agreed(ties, each)
        whole = replace(ties, shift=ties.shift + shift_at(state.motion, grid, ties.index))
        patches = patches.after(partial(shift_at, state.motion, grid))
        fitted = fit_motion(whole, patches, grid, kind, each.knots)
        return _State(fitted.transform, whole.in_pixels(each.factor), fitted, similarity)

    def agreed(self, ties: TiePoints, each: Pass) -> TiePoints:
        """Keep those that agree on one affine, and with their neighbours."""
        ties = ties.keeping(ties.reliability >= self.config.min_reliability)
        ties = ties.keeping(np.linalg.norm(ties.error, axis=1) < 1)
        near = min(_TOLERANCE, each.window.reach / 3)
        agreed = affine_consensus(ties, near, self.config.seed)
        many = int(agreed.sum())
        chance = is_by_chance(ties, agreed, near, each.window.reach)
        if many < self.config.min_points or chance:
            raise InputError(self.refusal(
                f"{many} of {len(ties)} windows agree on where it lies, too few to tell from chance"
                if len(ties) else "no window has enough data in both"
            ))  # fmt: skip
        ties = ties.keeping(agreed)
        return ties.keeping(neighbour_consensus(ties, near))

    def summary(self, state: _State, last: Pass) -> SceneFit:
        """Put together what is told of the result."""
        if state.ties is None or state.fitted is None:
            raise ValueError("there was no pass")
        ties, judging = state.ties, self.schedule.judging()
        residual = ties.shift - shift_at(state.motion, self.viewer.grid, ties.index)
        kept = ties.kept().in_pixels(1 / judging.factor)
        motions = (Affine.identity(2), state.motion)
        first, end = (self.viewer.look(m, judging.factor, judging.window) for m in motions)
        before, after = (likeness(each, kept, judging.window.size) for each in (first, end))
        share = float((end.known * end.weight).sum() / max(float(end.weight.sum()), 1.0))
        return SceneFit(state.motion, ties, residual, state.fitted.left_out * last.factor, before,
                        after, state.fitted.surface.stiffness, share, state.similarity)  # fmt: skip
