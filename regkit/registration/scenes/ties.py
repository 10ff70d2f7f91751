"""Tie points: where windows of two scenes were found to match, and what each match is worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regkit.registration.scenes.refine import refine
from regkit.registration.scenes.windows import (
    Array,
    Floats,
    WindowLayout,
    batches,
    correlation,
    cut_windows,
    taper,
)

_PEAK = 2  # pixels around a peak that belong to it


@dataclass(frozen=True, eq=False)
class TiePoints:
    """Matches of windows, in pixels of the grid on which both images were compared.

    Parameters
    ----------
    index
        ``(N, 2)``: the middle of each window, weighted as its pixels count.
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

    def keeping(self, good: NDArray[np.bool_]) -> TiePoints:
        """Those that were good and are in ``good (N)`` stay so."""
        return replace(self, good=self.good & good)


def vote(fixed: Array, weight: Array, moving: Array, known: Array, window: WindowLayout) -> Array:
    """Let all windows vote for one shift: the mean of their correlations at each.

    Parameters
    ----------
    fixed, moving
        Features ``(C, *shape)`` on one grid.
    weight, known
        Where each has data, 0 to 1, ``(*shape)``.
    window
        How they are compared.

    Returns
    -------
    Array
        ``(2 reach + 1, 2 reach + 1)``; -1 where too few windows are compared.
    """
    corners = _usable(weight, window)
    total = np.zeros((2 * window.reach + 1,) * 2, np.float64)
    count = np.zeros_like(total)
    for found in _correlations(fixed, weight, moving, known, window, corners):
        total += np.where(found > -1, found, 0).sum(0)
        count += (found > -1).sum(0)
    enough = count >= max(1, 0.2 * len(corners))
    return np.where(enough, total / np.maximum(count, 1), -1).astype(np.float32)


def match(fixed: Array, weight: Array, moving: Array, known: Array, spline: Array,
          window: WindowLayout) -> TiePoints:  # fmt: skip
    """Find every window of fixed that has data in moving too there, to a part of a pixel.

    Parameters
    ----------
    fixed, moving
        Features ``(C, *shape)`` on one grid.
    weight, known
        Where each has data, 0 to 1, ``(*shape)``.
    spline
        The coefficients of the spline through ``moving``.
    window
        How they are compared.
    """
    corners = _usable(weight, window)
    peaks, reliable, seen = [], [], []
    for found in _correlations(fixed, weight, moving, known, window, corners):
        shift, worth = _peaks(found, window.reach)
        peaks.append(shift)
        reliable.append(worth)
        seen.append((found > -1).any((1, 2)))
    compared = np.concatenate(seen) if seen else np.zeros(0, bool)
    start = (np.concatenate(peaks) if peaks else np.zeros((0, 2), np.int64))[compared]
    worth = (np.concatenate(reliable) if reliable else np.zeros(0))[compared]
    corners = corners[compared]
    weights = taper(window.size) * cut_windows(weight[None], corners, window.size)[:, 0]
    windows = cut_windows(fixed, corners, window.size)
    refined = refine(windows, weights, spline, known, corners, start)
    centre = corners + _centroid(weights)
    good = np.isfinite(refined.likeness) & (worth > 0)
    return TiePoints(centre, refined.shift, refined.error, np.nan_to_num(refined.likeness, nan=-1),
                     worth, good)  # fmt: skip


def _usable(weight: Array, window: WindowLayout) -> NDArray[np.int64]:
    """Corners of windows of which enough has data."""
    corners = window.corners(weight.shape)
    table = np.pad(weight.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    (i, j), n = corners.T, window.size
    k, m = np.minimum(i + n, weight.shape[0]), np.minimum(j + n, weight.shape[1])
    share = (table[k, m] - table[i, m] - table[k, j] + table[i, j]) / n**2
    usable: NDArray[np.int64] = corners[share >= window.least]
    return usable


def _correlations(
    fixed: Array,
    weight: Array,
    moving: Array,
    known: Array,
    window: WindowLayout,
    corners: NDArray[np.int64],
) -> Iterator[Array]:
    soft = taper(window.size)
    for part in batches(len(corners), fixed.shape[0], window.size + 2 * window.reach):
        at = corners[part]
        w = soft * cut_windows(weight[None], at, window.size)[:, 0]
        k = cut_windows(known[None], at, window.size, window.reach)[:, 0]
        m = cut_windows(moving, at, window.size, window.reach) * k[:, None]
        yield correlation(cut_windows(fixed, at, window.size), w, m, k, window.reach)


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
    total = weights.sum((1, 2)) + 1e-9
    lines = np.arange(weights.shape[-1])
    i = (weights.sum(2) * lines).sum(1) / total
    j = (weights.sum(1) * lines).sum(1) / total
    found: Floats = np.stack([i, j], -1).astype(np.float64)
    return found
