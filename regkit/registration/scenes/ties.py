"""Tie points: where windows of two scenes were found to match, and what each match is worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regkit.registration.scenes.cover import Lines
from regkit.registration.scenes.looks import ViewPair
from regkit.registration.scenes.patches import WindowPatches
from regkit.registration.scenes.refine import refine
from regkit.registration.scenes.windows import (
    Array,
    Floats,
    WindowLayout,
    batches,
    correlation,
    cut_windows,
    share_pixels,
    taper,
)

_PEAK = 2  # pixels around a peak that belong to it
_FAINT = 1e-9  # so that a window without any slope has a middle


@dataclass(frozen=True, eq=False)
class TiePoints:
    """Matches of windows, in pixels of the grid on which both images were compared.

    Parameters
    ----------
    index
        ``(N, 2)``: the middle of what tells the shift of each window: of its squared slopes.
    shift
        ``(N, 2)``: where it was found in moving, less where it is.
    error
        ``(N, 2)``: standard errors of the shift.
    likeness
        ``(N)``: correlation at the match, from -1 to 1.
    reliability
        ``(N)``: 0 where another shift fits as well, 1 where none does.
    good
        ``(N)``: what was kept.
    """

    index: Floats
    shift: Floats
    error: Floats
    likeness: Floats
    reliability: Floats
    good: NDArray[np.bool_]

    def __len__(self) -> int:
        """How many there are, good or not."""
        return len(self.index)

    def kept(self) -> TiePoints:
        """Those that are good."""
        g = self.good
        return TiePoints(self.index[g], self.shift[g], self.error[g], self.likeness[g],
                         self.reliability[g], g[g])  # fmt: skip

    def in_pixels(self, factor: float) -> TiePoints:
        """The same in pixels of the same first corner that are ``factor`` times smaller."""
        if factor == 1:
            return self
        return replace(self, index=(self.index + 0.5) * factor - 0.5, shift=self.shift * factor,
                       error=self.error * factor)  # fmt: skip

    def keeping(self, good: NDArray[np.bool_]) -> TiePoints:
        """Those that were good and are in ``good (N)`` stay so."""
        return replace(self, good=self.good & good)


def vote(level: ViewPair, window: WindowLayout) -> Array:
    """Let all windows vote for one shift: the mean of their correlations at each.

    Parameters
    ----------
    level
        Features of both scenes.
    window
        How they are compared.

    Returns
    -------
    Array
        ``(2 reach + 1, 2 reach + 1)``; -1 where too few windows are compared.
    """
    corners, _ = _usable(level, window)
    total = np.zeros((2 * window.reach + 1,) * 2, np.float64)
    count = np.zeros_like(total)
    for found in _correlations(level, window, corners):
        total += np.where(found > -1, found, 0).sum(0)
        count += (found > -1).sum(0)
    enough = count >= max(1, 0.2 * len(corners))
    return np.where(enough, total / np.maximum(count, 1), -1).astype(np.float32)


def match(
    level: ViewPair, window: WindowLayout, share: float = 0.5
) -> tuple[TiePoints, WindowPatches]:
    """Find every window of fixed that has data in moving too there, to a part of a pixel.

    With each tie point come the patches of its window.

    Parameters
    ----------
    level
        Features of both scenes.
    window
        How they are compared.
    share
        How much of the slopes is that of fixed, the rest being that of moving.
    """
    corners, outer = _usable(level, window)
    peaks, reliable, seen = [], [], []
    for found in _correlations(level, window, corners):
        shift, worth = _peaks(found, window.reach)
        peaks.append(shift)
        reliable.append(worth)
        seen.append((found > -1).any((1, 2)))
    compared = np.concatenate(seen) if seen else np.zeros(0, bool)
    start = (np.concatenate(peaks) if peaks else np.zeros((0, 2), np.int64))[compared]
    worth = (np.concatenate(reliable) if reliable else np.zeros(0))[compared]
    corners, outer = corners[compared], outer[compared]
    weights = taper(window.size) * cut_windows(level.weight[None], corners, window.size)[:, 0]
    weights = share_pixels(weights, corners, level.weight.shape)
    windows = cut_windows(level.fixed, corners, window.size)
    refined = refine(windows, weights, level.spline, level.known, corners, start, share)
    # Where a window has no slope it says nothing of the shift: what it measures is that of edges.
    slopes = cut_windows(level.slopes(share), corners, window.size)[:, 0]
    centre = outer + _centroid(weights * slopes)
    good = np.isfinite(refined.likeness) & (worth > 0)
    ties = TiePoints(centre, refined.shift, refined.error, np.nan_to_num(refined.likeness, nan=-1),
                     worth, good)  # fmt: skip
    return ties, WindowPatches.of(refined, outer, len(level.fixed))


def likeness(level: ViewPair, kept: TiePoints, size: int) -> float:
    """Mean correlation of the windows of a level in which tie points lie, without a shift.

    Parameters
    ----------
    level
        Features of both scenes.
    kept
        Tie points in pixels of its grid.
    size
        Pixels of a window.
    """
    middle = (size - 1) / 2
    corners = level.cover.nearest(kept.index - middle)
    near = (np.abs(corners + middle - kept.index) <= size / 2).all(1)
    if not near.any():
        return float("nan")
    corners = level.cover.closed(np.unique(corners[near], axis=0))
    w = taper(size) * cut_windows(level.weight[None], corners, size)[:, 0]
    k = cut_windows(level.known[None], corners, size)[:, 0]
    m = cut_windows(level.moving, corners, size) * k[:, None]
    found = correlation(cut_windows(level.fixed, corners, size), w, m, k, 0)[:, 0, 0]
    compared = found > -1
    return float(found[compared].mean()) if compared.any() else float("nan")


def _usable(level: ViewPair, window: WindowLayout) -> tuple[Lines, Lines]:
    """Corners of windows of which enough has data, where gaps are closed and on the grid."""
    corners, outer = level.cover.corners
    share = cut_windows(level.weight[None], corners, window.size).mean((1, 2, 3))
    usable = share >= window.least
    return corners[usable], outer[usable]


def _correlations(level: ViewPair, window: WindowLayout, corners: Lines) -> Iterator[Array]:
    soft, reach = taper(window.size), window.reach
    for part in batches(len(corners), level.fixed.shape[0], window.size + 2 * reach):
        at = corners[part]
        w = soft * cut_windows(level.weight[None], at, window.size)[:, 0]
        k = cut_windows(level.known[None], at, window.size, reach)[:, 0]
        m = cut_windows(level.moving, at, window.size, reach) * k[:, None]
        yield correlation(cut_windows(level.fixed, at, window.size), w, m, k, reach)


def _peaks(found: Array, reach: int) -> tuple[NDArray[np.int64], Floats]:
    """The best whole shift of each window, and how much of the way it is above the next one."""
    count, side = len(found), 2 * reach + 1
    best = found.reshape(count, -1).argmax(1)
    row, column = np.unravel_index(best, (side, side))
    top = found.reshape(count, -1).max(1).astype(np.float64)
    lines = np.arange(side)
    near = (np.abs(lines[None, :, None] - row[:, None, None]) <= _PEAK) & (
        np.abs(lines[None, None, :] - column[:, None, None]) <= _PEAK
    )
    second = np.where(near, -1, found).reshape(count, -1).max(1)
    rim = (row == 0) | (column == 0) | (row == side - 1) | (column == side - 1)
    worth = np.where(rim | (top <= 0), 0, (top - second) / np.maximum(1 - second, 1e-6))
    return np.stack([row, column], -1).astype(np.int64) - reach, worth


def _centroid(weights: Array) -> Floats:
    weights = weights + _FAINT * weights.max((1, 2), keepdims=True) + _FAINT
    total = weights.sum((1, 2))
    lines = np.arange(weights.shape[-1])
    i = (weights.sum(2) * lines).sum(1) / total
    j = (weights.sum(1) * lines).sum(1) / total
    found: Floats = np.stack([i, j], -1).astype(np.float64)
    return found
