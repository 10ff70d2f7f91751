"""Windows of two images on one grid: cut in a batch, and compared at all whole shifts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
_BATCH_BYTES = 96 << 20
_EPS = 1e-6


@dataclass(frozen=True)
class WindowLayout:
    """How windows are laid out: their size, how far apart they are, how far a match may lie.

    Parameters
    ----------
    size
        Pixels along each axis.
    step
        Pixels from one window to the next.
    reach
        The largest shift that is looked for, in pixels.
    least
        The share of a window that must have data.
    """

    size: int
    step: int
    reach: int
    least: float = 0.5

    def starts(self, shape: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Columns and rows at which windows of an image of ``shape`` begin, in equal steps."""
        columns, rows = (self._along(length) for length in shape)
        return columns, rows

    def _along(self, length: int) -> NDArray[np.int64]:
        room = max(length - self.size, 0)
        count = max(1, -(-room // self.step) + 1)
        return np.unique(np.rint(np.linspace(0, room, count)).astype(np.int64))


def taper(size: int) -> Array:
    """Weights of the pixels of a window ``(size, size)``, which fall towards its border."""
    line = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    return np.outer(line, line).astype(np.float32)


def share_pixels(weights: Array, corners: NDArray[np.int64], shape: tuple[int, ...]) -> Array:
    """Part every pixel of an image among the windows that show it, so that it counts once.

    Parameters
    ----------
    weights
        ``(N, n, n)``: what pixels count in each window.
    corners
        First pixels of the windows ``(N, 2)``.
    shape
        Of the image.
    """
    size = weights.shape[-1]
    total = np.zeros(shape, np.float32)
    for (i, j), each in zip(corners, weights, strict=True):
        total[i : i + size, j : j + size] += each
    found: Array = weights / np.maximum(cut_windows(total[None], corners, size)[:, 0], _EPS)
    return found


def cut_windows(image: Array, corners: NDArray[np.int64], size: int, margin: int = 0) -> Array:
    """Cut windows out of ``(C, *shape)``, with a margin; 0 where they reach beyond the image.

    Parameters
    ----------
    image
        ``(C, *shape)``.
    corners
        First pixels ``(N, 2)``.
    size, margin
        Pixels of a window, and around it.

    Returns
    -------
    Array
        ``(N, C, size + 2 margin, size + 2 margin)``.
    """
    whole = np.pad(image, ((0, 0), (margin, margin), (margin, margin)))
    wide = size + 2 * margin
    view = np.lib.stride_tricks.sliding_window_view(whole, (len(whole), wide, wide))[0]
    return np.ascontiguousarray(view[corners[:, 0], corners[:, 1]])


def batches(count: int, channels: int, size: int) -> Iterator[slice]:
    """Ranges of windows that are handled together, so that memory stays bounded.

    Parameters
    ----------
    count
        Of windows.
    channels, size
        Of each window.
    """
    step = max(1, _BATCH_BYTES // (16 * channels * size * size))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def correlation(fixed: Array, weight: Array, moving: Array, known: Array, reach: int) -> Array:
    """Weighted normalised cross-correlation of windows at all whole shifts.

    Padfield, IEEE TIP 2012, with weights: only pixels that count in both are compared.

    Parameters
    ----------
    fixed
        ``(N, C, n, n)``.
    weight
        ``(N, n, n)``: what each pixel of it counts.
    moving
        ``(N, C, n + 2 reach, n + 2 reach)``, 0 where ``known`` is.
    known
        ``(N, n + 2 reach, n + 2 reach)``: 1 where moving has data.
    reach
        The largest shift.

    Returns
    -------
    Array
        ``(N, 2 reach + 1, 2 reach + 1)``: the mean over channels, from -1 to 1, at the shifts
        from ``-reach``; -1 where too little of the window is compared.
    """
    # As long as the wider window: at shifts up to the reach nothing wraps around.
    shape = tuple(fft.next_fast_len(int(side), real=True) for side in moving.shape[-2:])

    def forward(values: Array) -> NDArray[np.complex64]:
        transformed: NDArray[np.complex64] = fft.rfft2(values, shape)
        return transformed

    def against(one: NDArray[np.complex64], other: NDArray[np.complex64]) -> Array:
        whole: Array = fft.irfft2(np.conj(one) * other, shape)
        return whole[..., : 2 * reach + 1, : 2 * reach + 1]

    w, k = forward(weight), forward(known)
    total = np.maximum(against(w, k), _EPS)  # rounding can make it negative
    out = np.zeros_like(total)
    for channel in range(fixed.shape[1]):
        f, m = fixed[:, channel], moving[:, channel]
        wf, wff, km, kmm = (forward(each) for each in (weight * f, weight * f * f, m, m * m))
        mean_f, mean_m = against(wf, k) / total, against(w, km) / total
        both = against(wf, km) - total * mean_f * mean_m
        power_f = against(wff, k) - total * mean_f**2
        power_m = against(w, kmm) - total * mean_m**2
        floor = _EPS * (1 + np.abs(total))
        out += both / np.sqrt(np.maximum(power_f, floor) * np.maximum(power_m, floor))
    out /= fixed.shape[1]
    enough = total > 0.5 * weight.sum((-2, -1))[:, None, None]
    return np.where(enough, np.clip(out, -1, 1), -1).astype(np.float32)
