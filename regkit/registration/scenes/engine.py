"""From two scenes to tie points and a smooth map: coarse to fine, each level by windows.

Every pass looks at moving through all that is known so far, in one interpolation, and adds what it
finds to the map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import binary_erosion

from regkit.errors import InputError
from regkit.geometry.affines import homogeneous
from regkit.geometry.grid import Grid
from regkit.kernels.spline import spline_coefficients
from regkit.registration.scenes.bands import Compared
from regkit.registration.scenes.config import SceneConfig
from regkit.registration.scenes.consensus import (
    affine_consensus,
    is_by_chance,
    neighbour_consensus,
)
from regkit.registration.scenes.levels import BandSource, features_of, level_grid, pixels_across
from regkit.registration.scenes.surface import Surface, fit_surface
from regkit.registration.scenes.ties import TiePoints, match, vote
from regkit.registration.scenes.windows import (
    Array,
    Floats,
    WindowLayout,
    correlation,
    cut_windows,
    taper,
)
from regkit.transforms import Affine, DisplacementField, Transform, compose

_COARSEST = 400  # pixels along the longer side
_FEWEST = 64  # pixels along the shorter side
_SIZES = {"lncc": 48, "edges": 96}
_TOLERANCE = 2.0  # pixels
_RIM = 3  # pixels beside a gap, whose edges are those of the gap
_FLOOR = 0.02  # pixels: no match is trusted to be better than this
_MOST_WINDOWS = 3000


@dataclass(frozen=True)
class Pass:
    """One look: pixels ``factor`` times those of fixed, and its windows."""

    factor: float
    window: WindowLayout


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
        ``(kept)``: how far each kept one was off a map that did not know it, in pixels.
    before, after
        Mean correlation of the kept windows at the start and at the end.
    stiffness
        What the points chose; NaN for a motion without bending.
    overlap
        The share of fixed's valid pixels that moving covers.
    """

    motion: Transform
    ties: TiePoints
    residual: Floats
    left_out: Floats
    before: float
    after: float
    stiffness: float
    overlap: float


Report = Callable[[str, float], None]


def fit_scenes(pair: Compared, placed: Transform, config: SceneConfig, report: Report) -> SceneFit:
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
    search = _Search(pair, placed, config)
    state = search.start()
    passes = list(search.passes())
    for number, each in enumerate(passes):
        report(f"windows {number + 1} of {len(passes)}", number / len(passes))
        state = search.step(state, each, last=each is passes[-1])
    return search.found(state)


@dataclass(frozen=True, eq=False)
class _State:
    """A motion so far, and the last tie points in pixels of fixed."""

    motion: Transform
    ties: TiePoints | None = None
    left_out: Floats | None = None
    stiffness: float = float("nan")
    level: _Level | None = None


@dataclass(frozen=True, eq=False)
class _Level:
    """Features of both scenes on one grid, and where each has data."""

    grid: Grid
    fixed: Array
    weight: Array
    moving: Array
    known: Array


@dataclass(frozen=True, eq=False)
class _Search:
    pair: Compared
    placed: Transform
    config: SceneConfig

    @property
    def grid(self) -> Grid:
        return self.pair.fixed.grid

    def size(self, factor: float) -> int:
        """Pixels of a window, which is smaller in a small image."""
        shorter = min(self.grid.shape) / factor
        wanted = self.config.window or _SIZES[self.pair.similarity]
        return int(max(16, min(wanted, shorter // 3)))

    def coarsest(self) -> float:
        """How much larger pixels may be, in powers of two."""
        factor = 1.0
        longest, shortest = max(self.grid.shape), min(self.grid.shape)
        while longest / factor > _COARSEST and shortest / (2 * factor) >= _FEWEST:
            factor *= 2
        return factor

    def passes(self) -> Iterator[Pass]:
        """Looks, from coarse to fine; the last one again with what it has found."""
        factor = first = self.coarsest()
        while factor >= 1:
            # Far at first: so many places to lie are there for a window that matches nothing.
            reach = 8 if factor == first else 5
            yield Pass(factor, self._window(factor, self.size(factor), reach))
            factor /= 2
        yield Pass(1, self._window(1, self.size(1), 3))
        if self.config.transform == "deformable":
            yield Pass(1, self._window(1, max(16, self.size(1) // 2), 2, dense=4))

    def _window(self, factor: float, size: int, reach: int, dense: int = 2) -> WindowLayout:
        area = float(np.prod(self.grid.shape)) / factor**2
        step = max(size // dense, int(np.sqrt(area / _MOST_WINDOWS / (dense / 2) ** 2)))
        return WindowLayout(size, step, reach, self.config.min_valid)

    def look(self, motion: Transform, factor: float) -> _Level:
        """Both scenes on the grid of a level, moving through ``motion``."""
        grid, pair = level_grid(self.grid, factor), self.pair
        ratio = pixels_across(self.grid, self.placed, pair.moving.grid)
        fixed = pair.fixed_at(max(factor, 1 / ratio))
        moving = pair.moving_at(max(factor * ratio, 1.0))
        here, weight = self._features(fixed, grid, Affine.identity(2))
        there, known = self._features(moving, grid, compose(self.placed, motion))
        return _Level(grid, here, weight, there, known)

    def _features(self, source: BandSource, grid: Grid, phi: Transform) -> tuple[Array, Array]:
        values, known = source.on(grid, phi)
        found = features_of(values, known, self.pair.similarity)
        if self.pair.similarity == "edges" and not known.all():
            known = binary_erosion(known > 0, iterations=_RIM, border_value=1).astype(np.float32)
        return found, known

    def start(self) -> _State:
        """The shift that most windows of the coarsest level vote for."""
        factor = self.coarsest()
        level = self.look(Affine.identity(2), factor)
        reach = int(np.ceil(self.config.max_shift / factor)) + 1
        size = self.size(factor)
        self.check_overlap(level, reach)
        window = WindowLayout(size, size // 2, reach, self.config.min_valid)
        votes = vote(level.fixed, level.weight, level.moving, level.known, window)
        best = np.array(np.unravel_index(int(votes.argmax()), votes.shape)) - reach
        if votes.max() <= 0:
            raise InputError(self.refusal("no window of one resembles the other anywhere"))
        shift = level.grid.affine[:-1, :-1] @ best
        return _State(Affine(homogeneous(np.eye(2), shift)))

    def check_overlap(self, level: _Level, reach: int) -> None:
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
            "show more, a larger --max-shift, another --window, or --similarity edges"
        )

    def step(self, state: _State, look: Pass, *, last: bool) -> _State:
        """Match windows, believe those that agree, and move on."""
        level = self.look(state.motion, look.factor)
        spline = spline_coefficients(level.moving)
        ties = match(level.fixed, level.weight, level.moving, level.known, spline, look.window)
        ties = ties.keeping(ties.reliability >= self.config.min_reliability)
        ties = ties.keeping(np.linalg.norm(ties.error, axis=1) < 1)
        windows = len(ties)
        near = min(_TOLERANCE, look.window.reach / 3)
        agreed = affine_consensus(ties, near, self.config.seed)
        many = int(agreed.sum())
        chance = is_by_chance(ties, agreed, near, look.window.reach)
        if many < self.config.min_points or chance:
            raise InputError(self.refusal(
                f"{many} of {windows} windows agree on where it lies, as few as do by chance"
                if windows else "no window has enough data in both"
            ))  # fmt: skip
        ties = ties.keeping(agreed)
        ties = ties.keeping(neighbour_consensus(ties))
        whole = replace(ties, shift=ties.shift + _way(state.motion, level.grid, ties.index))
        return self._fitted(whole, level, look, last=last)

    def _fitted(self, ties: TiePoints, level: _Level, look: Pass, *, last: bool) -> _State:
        kept = ties.kept()
        spread = np.hypot(_FLOOR, np.linalg.norm(kept.error, axis=1))
        kind = self.config.transform
        stiffness = float("nan")
        if kind in ("local", "deformable") and len(kept) >= 16:
            shape = level.grid.shape
            surface = fit_surface(kept.index, kept.shift, spread, shape, look.window.step)
            motion: Transform = field_of(surface, level.grid, look.window.step)
            left, stiffness = surface.left_out, surface.stiffness
        else:
            motion, left = _linear(kept, spread, level.grid, kind)
        ties = _in_pixels_of(ties, look.factor)
        return _State(motion, ties, left * look.factor, stiffness, level if last else None)

    def found(self, state: _State) -> SceneFit:
        """Put together what is told of the result."""
        if state.ties is None or state.level is None or state.left_out is None:
            raise ValueError("there was no pass")
        ties, grid = state.ties, self.grid
        residual = ties.shift - _way(state.motion, grid, ties.index)
        first, end = (self.look(each, 1) for each in (Affine.identity(2), state.motion))
        kept, size = ties.kept(), self.size(1)
        before, after = (_likeness(each, kept, size) for each in (first, end))
        share = float((end.known * end.weight).sum() / max(float(end.weight.sum()), 1.0))
        return SceneFit(state.motion, ties, residual, state.left_out, before, after,
                        state.stiffness, share)  # fmt: skip


def _way(motion: Transform, grid: Grid, index: Floats) -> Floats:
    """How far a motion moves pixels ``index (N, 2)`` of ``grid``, in its pixels."""
    points = torch.from_numpy(np.ascontiguousarray(index))
    moved: Floats = (grid.to_index(motion(grid.to_world(points))) - points).numpy()
    return moved


def _in_pixels_of(ties: TiePoints, factor: float) -> TiePoints:
    """Tie points in pixels of fixed, which are ``factor`` times smaller than those of the level."""
    if factor == 1:
        return ties
    return replace(ties, index=(ties.index + 0.5) * factor - 0.5, shift=ties.shift * factor,
                   error=ties.error * factor)  # fmt: skip


def field_of(surface: Surface, grid: Grid, step: float) -> DisplacementField:
    """Sample a surface, which is in pixels of ``grid``, as a displacement in its world.

    Parameters
    ----------
    surface
        Shifts in pixels of ``grid``.
    grid
        On which it was found.
    step
        Pixels from knot to knot; nodes lie eight times as near.
    """
    apart = max(step / 8, 1.0)
    shape = [int(np.ceil((n - 1) / apart)) + 3 for n in grid.shape]
    start = homogeneous(apart * np.eye(2), [-apart] * 2)
    nodes = grid.placed(shape, grid.affine @ start)
    axes = [apart * (np.arange(n) - 1) for n in shape]
    index = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    shift = surface(index.reshape(-1, 2)) @ grid.affine[:-1, :-1].T
    u = torch.from_numpy(np.ascontiguousarray(shift.T.reshape(2, *shape), np.float32))
    return DisplacementField(u, nodes, 0.0, grid.world, grid.world)


def _linear(kept: TiePoints, spread: Floats, grid: Grid, kind: str) -> tuple[Affine, Floats]:
    """The translation or affine nearest to tie points, and how far each is off one without it."""
    centre = kept.index.mean(0)
    design = np.ones((len(kept), 1))
    if kind != "translation":
        design = np.column_stack([kept.index - centre, design])
    weight = 1 / spread**2
    normal = np.linalg.pinv(design.T @ (weight[:, None] * design))
    solved = normal @ (design.T @ (weight[:, None] * kept.shift))
    rest = kept.shift - design @ solved
    leverage = weight * np.einsum("na,ab,nb->n", design, normal, design)
    off = np.linalg.norm(rest, axis=1) / np.maximum(1 - leverage, 1e-3)
    linear = np.eye(2) + (solved[:2].T if kind != "translation" else 0)
    constant = solved[-1] - (linear - np.eye(2)) @ centre
    in_index = homogeneous(linear, constant)
    return Affine(grid.affine @ in_index @ grid.inverse_affine, grid.world, grid.world), off


def _likeness(level: _Level, kept: TiePoints, size: int) -> float:
    """Mean correlation of the windows of tie points, where they lie."""
    corners = np.rint(kept.index - (size - 1) / 2).astype(np.int64)
    corners = np.clip(corners, 0, np.maximum(np.array(level.grid.shape) - size, 0))
    if len(corners) == 0:
        return float("nan")
    w = taper(size) * cut_windows(level.weight[None], corners, size)[:, 0]
    k = cut_windows(level.known[None], corners, size)[:, 0]
    m = cut_windows(level.moving, corners, size) * k[:, None]
    found = correlation(cut_windows(level.fixed, corners, size), w, m, k, 0)[:, 0, 0]
    compared = found > -1
    return float(found[compared].mean()) if compared.any() else float("nan")
