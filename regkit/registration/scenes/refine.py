"""Parts of a pixel: the shift of many windows at once, by least squares of their values.

Lucas and Kanade, IJCAI 1981, in the symmetric form of Gauss-Newton, with a gain and an offset for
each window and channel. The moving window is a cubic spline, evaluated anew at every step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regkit.kernels.cpu import needed_loops
from regkit.registration.scenes.windows import Array, Floats, cut_windows

_STEPS = 12
_FAR = 1.5  # pixels; whoever goes further has lost its peak
_DONE = 1e-3
PATCH = 8  # as the loop has it


@dataclass(frozen=True)
class RefinedShifts:
    """Shifts of windows, and what their patches say of them.

    Parameters
    ----------
    shift, error
        Pixels, and their standard errors, ``(N, 2)`` each.
    likeness
        ``(N)``: the weighted correlation at the shift; NaN where a window was lost.
    equations
        ``(N, P, 8)``: of every patch of :data:`PATCH` pixels a side at the shift of its window the
        matrix ``a, b, d`` of its squared slopes, the right side of its normal equations, sums of
        rows and columns by squared slopes, and the weight of its pixels, of all channels.
    seen
        ``(N, n, n)``: what each pixel counts where both images have data.
    """

    shift: Floats
    error: Floats
    likeness: Floats
    equations: Floats
    seen: Array


def refine(
    fixed: Array,
    weight: Array,
    coefficients: Array,
    known: Array,
    corners: NDArray[np.int64],
    start: NDArray[np.int64],
    share: float = 0.5,
) -> RefinedShifts:
    """Refine whole shifts of windows to parts of a pixel.

    Parameters
    ----------
    fixed, weight
        Windows ``(N, C, n, n)``, and what their pixels count ``(N, n, n)``.
    coefficients
        Of the spline of the whole moving image, ``(C, *shape)``.
    known
        Where the moving image has data: 1 in ``(*shape)``.
    corners
        First pixels of the windows ``(N, 2)``.
    start
        From where a match is sought, ``(N, 2)``.
    share
        How much of the slopes is that of fixed, the rest being that of moving. Half of each goes
        furthest; slopes of an image that is noise for the most part would draw matches to where
        interpolation smooths it most, halfway between pixels.
    """
    size, reach = fixed.shape[-1], int(np.abs(start).max(initial=0))
    wide = np.pad(known[None], ((0, 0), (reach, reach), (reach, reach)))
    seen = weight * cut_windows(wide, corners + start + reach, size)[:, 0]
    found = np.empty((len(fixed), 5))
    equations = np.empty((len(fixed), (-(-size // PATCH)) ** 2, 8))
    needed_loops().refine_shifts(
        np.ascontiguousarray(fixed, np.float32), np.ascontiguousarray(seen, np.float32),
        coefficients, corners, start, share, _STEPS, _FAR, _DONE, found,
        equations,
    )  # fmt: skip
    return RefinedShifts(start + found[:, :2], found[:, 2:4], found[:, 4], equations, seen)
