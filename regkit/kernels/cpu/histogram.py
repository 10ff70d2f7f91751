"""Joint histogram with Parzen windows, and the gradient that a table of weights gives back."""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import inline, parallel


@inline
def _cubic(t):
    """The four cubic B-spline weights of a position ``t`` in [0, 1) between knots 1 and 2."""
    s = 1 - t
    return (
        s * s * s / 6,
        (3 * t * t * t - 6 * t * t + 4) / 6,
        (3 * s * s * s - 6 * s * s + 4) / 6,
        t * t * t / 6,
    )


@inline
def _cubic_slope(t):
    s = 1 - t
    return (-s * s / 2, (3 * t * t - 4 * t) / 2, (4 * s - 3 * s * s) / 2, t * t / 2)


@inline
def _bin(value, bins):
    """Knot below and offset of an intensity in [0, 1]; three bins are the spline's border."""
    position = min(max(value, 0.0), 1.0) * (bins - 4) + 1
    low = min(int(position), bins - 3)
    return low, position - low


@parallel
def joint(fixed, warped, weight, bins, partial):
    """``partial[i] (bins, bins)``: the histogram of slice i, linear in fixed, cubic in warped."""
    n0, n1, n2 = fixed.shape
    for i in prange(n0):
        h = np.zeros((bins, bins))
        for j in range(n1):
            for k in range(n2):
                m = weight[i, j, k]
                if m > 0:
                    f, s = _bin(fixed[i, j, k], bins)
                    w, t = _bin(warped[i, j, k], bins)
                    b0, b1, b2, b3 = _cubic(t)
                    lower, upper = m * (1 - s), m * s
                    h[f, w - 1] += lower * b0
                    h[f, w] += lower * b1
                    h[f, w + 1] += lower * b2
                    h[f, w + 2] += lower * b3
                    h[f + 1, w - 1] += upper * b0
                    h[f + 1, w] += upper * b1
                    h[f + 1, w + 1] += upper * b2
                    h[f + 1, w + 2] += upper * b3
        partial[i] = h


@parallel
def joint_gradient(fixed, warped, weight, bins, table, out):
    """``out = d sum(table * histogram) / d warped``."""
    n0, n1, n2 = fixed.shape
    scale = bins - 4
    for i in prange(n0):
        for j in range(n1):
            for k in range(n2):
                m, v = weight[i, j, k], warped[i, j, k]
                out[i, j, k] = 0
                if m > 0 and v >= 0 and v <= 1:
                    f, s = _bin(fixed[i, j, k], bins)
                    w, t = _bin(v, bins)
                    b0, b1, b2, b3 = _cubic_slope(t)
                    low, high = table[f], table[f + 1]
                    a = b0 * low[w - 1] + b1 * low[w] + b2 * low[w + 1] + b3 * low[w + 2]
                    b = b0 * high[w - 1] + b1 * high[w] + b2 * high[w + 1] + b3 * high[w + 2]
                    out[i, j, k] = m * scale * (a + s * (b - a))


@parallel
def lookup(fixed, warped, weight, table, out):
    """``out``: the entries of ``table`` that a voxel's windows weigh, 0 without weight."""
    n0, n1, n2 = fixed.shape
    for i in prange(n0):
        for j in range(n1):
            for k in range(n2):
                out[i, j, k] = 0
                if weight[i, j, k] > 0:
                    f, s = _bin(fixed[i, j, k], len(table))
                    w, t = _bin(warped[i, j, k], len(table))
                    b0, b1, b2, b3 = _cubic(t)
                    low, high = table[f], table[f + 1]
                    a = b0 * low[w - 1] + b1 * low[w] + b2 * low[w + 1] + b3 * low[w + 2]
                    b = b0 * high[w - 1] + b1 * high[w] + b2 * high[w + 1] + b3 * high[w + 2]
                    out[i, j, k] = a + s * (b - a)
