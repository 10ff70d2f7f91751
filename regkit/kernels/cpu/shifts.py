"""Sub-pixel shifts of windows by Gauss-Newton steps, one window a thread."""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import inline, parallel


@inline
def _spline_taps(t, taps, slopes):
    """Weights of four coefficients at ``t`` behind the second one, and their derivatives."""
    s = 1 - t
    taps[0], taps[3] = s * s * s / 6, t * t * t / 6
    taps[1] = 2 / 3 - t * t * (2 - t) / 2
    taps[2] = 2 / 3 - s * s * (2 - s) / 2
    slopes[0], slopes[3] = -s * s / 2, t * t / 2
    slopes[1] = -2 * t + 1.5 * t * t
    slopes[2] = 2 * s - 1.5 * s * s


@inline
def _evaluate(plane, first, second, taps, slopes, out, rows):
    """Spline values and both derivatives in ``out (3, n, n)``; ``rows (2, n + 3)`` is room."""
    n = out.shape[1]
    high0, high1 = plane.shape[0] - 1, plane.shape[1] - 1
    for i in range(n):
        for k in range(n + 3):
            column = min(max(second + k, 0), high1)
            value, slope = np.float32(0), np.float32(0)
            for tap in range(4):
                c = plane[min(max(first + i + tap, 0), high0), column]
                value += np.float32(taps[0, tap]) * c
                slope += np.float32(slopes[0, tap]) * c
            rows[0, k], rows[1, k] = value, slope
        for j in range(n):
            value, down, across = np.float32(0), np.float32(0), np.float32(0)
            for tap in range(4):
                value += np.float32(taps[1, tap]) * rows[0, j + tap]
                down += np.float32(taps[1, tap]) * rows[1, j + tap]
                across += np.float32(slopes[1, tap]) * rows[0, j + tap]
            out[0, i, j], out[1, i, j], out[2, i, j] = value, down, across


@inline
def _moments(f, v, w, sums):
    """Weight, means and central second moments of two windows, in ``sums (6)``."""
    n = f.shape[0]
    total, a, b, aa, bb, ab = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        for j in range(n):
            g, x, y = w[i, j], f[i, j], v[i, j]
            total += g
            a += g * x
            b += g * y
            aa += g * x * x
            bb += g * y * y
            ab += g * x * y
    total = max(total, 1e-9)
    a, b = a / total, b / total
    sums[0], sums[1], sums[2] = total, a, b
    sums[3] = aa - total * a * a
    sums[4] = bb - total * b * b
    sums[5] = ab - total * a * b


@inline
def _add_normal(f, out, w, sums, share, normal):
    """Add the normal equations of one channel; ``normal`` is n00, n01, n11, r0, r1, rest."""
    n = f.shape[0]
    gain = sums[5] / (sums[4] + 1e-9)
    for i in range(n):
        for j in range(n):
            g = w[i, j]
            rest = (f[i, j] - sums[1]) - gain * (out[0, i, j] - sums[2])
            up, low = max(i - 1, 0), min(i + 1, n - 1)
            left, right = max(j - 1, 0), min(j + 1, n - 1)
            d = (f[low, j] - f[up, j]) / (low - up)
            c = (f[i, right] - f[i, left]) / (right - left)
            d = share * d + (1 - share) * gain * out[1, i, j]
            c = share * c + (1 - share) * gain * out[2, i, j]
            normal[0] += g * d * d
            normal[1] += g * d * c
            normal[2] += g * c * c
            normal[3] += g * d * rest
            normal[4] += g * c * rest
            normal[5] += g * rest * rest


@parallel
def refine_shifts(fixed, weight, coefficients, corners, start, share, steps, far, done, found):
    """Refine the shifts of windows.

    ``fixed (N, C, n, n)``, ``weight (N, n, n)``, ``coefficients (C, H, W)`` of the spline of
    moving, ``corners`` and ``start (N, 2)``, the ``share`` of the slopes that is that of fixed, the
    rest being that of moving; ``found (N, 5)`` becomes shift beyond start, standard
    errors, and likeness, NaN where the shift grew beyond ``far``.
    """
    count, channels, n = fixed.shape[0], fixed.shape[1], fixed.shape[2]
    for w in prange(count):
        out = np.empty((3, n, n), np.float32)
        rows = np.empty((2, n + 3), np.float32)
        taps, slopes = np.empty((2, 4)), np.empty((2, 4))
        sums, normal = np.empty(6), np.empty(6)
        x, y, likeness = 0.0, 0.0, 0.0
        lost = False
        for step in range(steps):
            normal[:] = 0
            likeness = 0.0
            whole0, whole1 = np.floor(x), np.floor(y)
            _spline_taps(x - whole0, taps[0], slopes[0])
            _spline_taps(y - whole1, taps[1], slopes[1])
            first = corners[w, 0] + start[w, 0] + int(whole0) - 1
            second = corners[w, 1] + start[w, 1] + int(whole1) - 1
            for c in range(channels):
                _evaluate(coefficients[c], first, second, taps, slopes, out, rows)
                _moments(fixed[w, c], out[0], weight[w], sums)
                # Channels count alike, whatever their units: divided by the variance of fixed.
                scale = 1 / max(sums[3] / sums[0], 1e-12)
                part = np.zeros(6)
                _add_normal(fixed[w, c], out, weight[w], sums, share, part)
                normal += scale * part
                likeness += sums[5] / np.sqrt(max(sums[3] * sums[4], 1e-12)) / channels
            ridge = 1e-4 * (normal[0] + normal[2]) + 1e-9
            a, b, d = normal[0] + ridge, normal[1], normal[2] + ridge
            det = a * d - b * b
            dx = (d * normal[3] - b * normal[4]) / det
            dy = (a * normal[4] - b * normal[3]) / det
            variance = normal[5] / (sums[0] * channels)
            found[w, 2] = np.sqrt(max(variance * d / det, 0.0))
            found[w, 3] = np.sqrt(max(variance * a / det, 0.0))
            if step == steps - 1 or (step > 0 and abs(dx) < done and abs(dy) < done):
                break
            x += dx
            y += dy
            if not (abs(x) < far and abs(y) < far):
                lost = True
                break
        found[w, 0], found[w, 1] = x, y
        found[w, 4] = np.nan if lost else likeness
