"""Local normalised cross-correlation over box windows, value and gradient in two sweeps.

Slices follow one another in blocks: ``coef (ring, 3, J, K)`` holds slice ``i`` at ``i % ring`` for
as long as a window still needs it.

A slice is only looked at inside the box that its weight occupies: ``boxes[i] = (j0, j1, k0, k1)``.
What neighbouring slices need of it lies within the union of their boxes, ``spans[i]``. Rows are
cut to their range before they are looped over, so that every loop counts from zero: only then does
the compiler know that no index wraps around, and uses vector instructions.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import inline, parallel
from regkit.kernels.cpu.rows import across, along


@parallel
def extents(weight, boxes, totals):
    """The box of each slice's weight, ``(0, 0, 0, 0)`` where there is none, and its sum."""
    n0, n1, n2 = weight.shape
    for i in prange(n0):
        j0, j1, k0, k1 = n1, 0, n2, 0
        total = 0.0
        for j in range(n1):
            row = weight[i, j]
            part = np.float32(0)
            for k in range(n2):
                part += row[k]
            if part == 0:
                continue
            total += part
            for k in range(n2):
                if row[k] != 0:
                    j0, j1 = min(j0, j), max(j1, j + 1)
                    k0, k1 = min(k0, k), max(k1, k + 1)
        if j1 == 0:
            j0, k0 = 0, 0
        boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3] = j0, j1, k0, k1
        totals[i] = total


@inline
def _box_plane(plane, ones, j0, j1, k0, k1, wide, out):
    """Box sums of ``plane (J, K)`` at ``j0 .. j1, k0 .. k1``; windows end at the border.

    ``wide (K + 2 radius)`` is room for a row, 0 at its ends.
    """
    n2, radius = plane.shape[1], len(ones) // 2
    low, high = max(k0 - radius, 0), min(k1 + radius, n2)
    for j in range(j0, j1):
        across(plane[:, low:high], ones, j, True, wide[low + radius : high + radius])
        along(wide[k0 : k1 + 2 * radius], ones, out[j, k0:k1])


@inline
def _add_products(f, w, m, sums):
    """Add w, wF, wW, wFF, wWW, wFW of a row onto the six rows of ``sums``."""
    n, sf, sw, sff, sww, sfw = sums[0], sums[1], sums[2], sums[3], sums[4], sums[5]
    for k in range(len(m)):
        mf, mw = m[k] * f[k], m[k] * w[k]
        n[k] += m[k]
        sf[k] += mf
        sw[k] += mw
        sff[k] += mf * f[k]
        sww[k] += mw * w[k]
        sfw[k] += mf * w[k]


@inline
def _add_two_products(f, w, m, F, W, M, sums):
    """The same of two rows."""
    n, sf, sw, sff, sww, sfw = sums[0], sums[1], sums[2], sums[3], sums[4], sums[5]
    for k in range(len(m)):
        mf, mw = m[k] * f[k], m[k] * w[k]
        Mf, Mw = M[k] * F[k], M[k] * W[k]
        n[k] += m[k] + M[k]
        sf[k] += mf + Mf
        sw[k] += mw + Mw
        sff[k] += mf * f[k] + Mf * F[k]
        sww[k] += mw * w[k] + Mw * W[k]
        sfw[k] += mf * w[k] + Mf * W[k]


@inline
def _add_slices(fixed, warped, weight, near, far, j, low, high, rows):
    """Row ``j`` of the moments of the slices ``near .. far``, two for a look at the sums."""
    rows[:] = 0
    s = near
    while s + 1 < far:
        f, w, m = fixed[s, j, low:high], warped[s, j, low:high], weight[s, j, low:high]
        t = s + 1
        F, W, M = fixed[t, j, low:high], warped[t, j, low:high], weight[t, j, low:high]
        _add_two_products(f, w, m, F, W, M, rows)
        s += 2
    if s < far:
        f, w, m = fixed[s, j, low:high], warped[s, j, low:high], weight[s, j, low:high]
        _add_products(f, w, m, rows)


@parallel
def coefficients(
    fixed, warped, weight, radius, squared, eps, boxes, spans, first, last, coef, value
):
    """Correlation of every window; the in-plane sums of its gradient's coefficients in ``coef``."""
    n0, n1, n2 = weight.shape
    ones = np.ones(2 * radius + 1, np.float32)
    for i in prange(first, last):
        j0, j1, k0, k1 = boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]
        moments = np.empty((6, n1, n2), np.float32)
        total = np.empty((6, n1, n2), np.float32)
        planes = np.zeros((3, n1, n2), np.float32)
        wide = np.zeros(n2 + 2 * radius, np.float32)
        low, high = max(k0 - radius, 0), min(k1 + radius, n2)
        near, far = max(i - radius, 0), min(i + radius + 1, n0)
        for j in range(max(j0 - radius, 0), min(j1 + radius, n1)):
            rows = moments[:, j, low:high]
            _add_slices(fixed, warped, weight, near, far, j, low, high, rows)
        for q in range(6):
            _box_plane(moments[q], ones, j0, j1, k0, k1, wide, total[q])
        cc_sum = 0.0
        for j in range(j0, j1):
            m = weight[i, j, k0:k1]
            n, sf, sw = total[0, j, k0:k1], total[1, j, k0:k1], total[2, j, k0:k1]
            sff, sww, sfw = total[3, j, k0:k1], total[4, j, k0:k1], total[5, j, k0:k1]
            alpha, beta, gamma = planes[0, j, k0:k1], planes[1, j, k0:k1], planes[2, j, k0:k1]
            part = np.float32(0)
            for k in range(len(m)):
                inv = np.float32(1) / max(n[k], np.float32(1e-6))
                mean_f, mean_w = sf[k] * inv, sw[k] * inv
                var_f = max(sff[k] * inv - mean_f * mean_f, np.float32(0)) + eps
                var_w = max(sww[k] * inv - mean_w * mean_w, np.float32(0)) + eps
                cov = sfw[k] * inv - mean_f * mean_w
                share = m[k] * inv
                if squared:
                    ratio = cov / (var_f * var_w)
                    cc = cov * ratio
                    a = np.float32(2) * ratio * share
                    b = np.float32(2) * cc / var_w * share
                else:
                    norm = np.float32(1) / np.sqrt(var_f * var_w)
                    cc = cov * norm
                    a = norm * share
                    b = cc / var_w * share
                part += m[k] * cc
                alpha[k] = a
                beta[k] = b
                gamma[k] = b * mean_w - a * mean_f
            cc_sum += part
        value[i] = cc_sum
        j0, j1, k0, k1 = spans[i, 0], spans[i, 1], spans[i, 2], spans[i, 3]
        for q in range(3):
            _box_plane(planes[q], ones, j0, j1, k0, k1, wide, coef[i % len(coef), q])


@parallel
def gradient(fixed, warped, weight, coef, radius, scale, boxes, first, last, out):
    """``out = scale * weight * (alpha F - beta W + gamma)``, coefficients summed along i."""
    n0, n1, _ = fixed.shape
    for i in prange(first, last):
        low, high = max(i - radius, 0), min(i + radius + 1, n0)
        j0, j1, k0, k1 = boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]
        total = np.empty((3, k1 - k0), np.float32)
        for j in range(n1):
            whole = out[i, j]
            for k in range(len(whole)):
                whole[k] = 0
            if j < j0 or j >= j1:
                continue
            for q in range(3):
                row = total[q]
                for k in range(len(row)):
                    row[k] = 0
                for s in range(low, high):
                    source = coef[s % len(coef), q, j, k0:k1]
                    for k in range(len(row)):
                        row[k] += source[k]
            alpha, beta, gamma = total[0], total[1], total[2]
            f, w, m = fixed[i, j, k0:k1], warped[i, j, k0:k1], weight[i, j, k0:k1]
            line = out[i, j, k0:k1]
            for k in range(len(line)):
                line[k] = scale * m[k] * (alpha[k] * f[k] - beta[k] * w[k] + gamma[k])
