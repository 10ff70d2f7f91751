"""Local normalised cross-correlation over box windows, value and gradient in three sweeps.

Slices follow one another in blocks: ``sums (ring, 6, J, K)`` and ``coef (ring, 3, J, K)`` hold
slice ``i`` at ``i % ring`` for as long as a window still needs it.

A slice is only looked at inside the box that its weight occupies: ``boxes[i] = (j0, j1, k0, k1)``.
What neighbouring slices need of it lies within the union of their boxes, ``spans[i]``. Rows are
cut to their range before they are looped over, so that every loop counts from zero: only then does
the compiler know that no index wraps around, and uses vector instructions.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import inline, parallel


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
def _box_plane(plane, radius, j0, j1, k0, k1, scratch, out):
    """Box sums of ``plane (J, K)`` at ``j0 .. j1, k0 .. k1``; windows end at the border."""
    n1, n2 = plane.shape
    low, high = max(k0 - radius, 0), min(k1 + radius, n2)
    for j in range(j0, j1):
        row = scratch[j, low:high]
        for k in range(len(row)):
            row[k] = 0
        for t in range(max(j - radius, 0), min(j + radius + 1, n1)):
            line = plane[t, low:high]
            for k in range(len(row)):
                row[k] += line[k]
        whole = out[j, k0:k1]
        for k in range(len(whole)):
            whole[k] = 0
        for t in range(-radius, radius + 1):
            first, last = max(k0, -t), min(k1, n2 - t)
            part = out[j, first:last]
            shifted = scratch[j, first + t : last + t]
            for k in range(len(part)):
                part[k] += shifted[k]


@parallel
def moments(fixed, warped, weight, radius, spans, first, last, sums):
    """In-plane box sums of w, wF, wW, wFF, wWW, wFW of the slices ``first .. last``."""
    _, n1, n2 = fixed.shape
    for i in prange(first, last):
        j0, j1, k0, k1 = spans[i, 0], spans[i, 1], spans[i, 2], spans[i, 3]
        plane = np.empty((n1, n2), np.float32)
        scratch = np.empty((n1, n2), np.float32)
        low, high = max(k0 - radius, 0), min(k1 + radius, n2)
        for q in range(6):
            for j in range(max(j0 - radius, 0), min(j1 + radius, n1)):
                f, w = fixed[i, j, low:high], warped[i, j, low:high]
                m, row = weight[i, j, low:high], plane[j, low:high]
                if q == 0:
                    for k in range(len(row)):
                        row[k] = m[k]
                elif q == 1:
                    for k in range(len(row)):
                        row[k] = m[k] * f[k]
                elif q == 2:
                    for k in range(len(row)):
                        row[k] = m[k] * w[k]
                elif q == 3:
                    for k in range(len(row)):
                        row[k] = m[k] * f[k] * f[k]
                elif q == 4:
                    for k in range(len(row)):
                        row[k] = m[k] * w[k] * w[k]
                else:
                    for k in range(len(row)):
                        row[k] = m[k] * f[k] * w[k]
            _box_plane(plane, radius, j0, j1, k0, k1, scratch, sums[i % len(sums), q])


@parallel
def coefficients(sums, weight, radius, squared, eps, boxes, spans, first, last, coef, value):
    """Correlation of every window; the in-plane sums of its gradient's coefficients in ``coef``."""
    n0, n1, n2 = weight.shape
    for i in prange(first, last):
        k0, k1 = boxes[i, 2], boxes[i, 3]
        total = np.empty((6, k1 - k0), np.float32)
        planes = np.zeros((3, n1, n2), np.float32)
        scratch = np.empty((n1, n2), np.float32)
        cc_sum = 0.0
        low, high = max(i - radius, 0), min(i + radius + 1, n0)
        for j in range(boxes[i, 0], boxes[i, 1]):
            for q in range(6):
                row = total[q]
                for k in range(len(row)):
                    row[k] = 0
                for s in range(low, high):
                    line = sums[s % len(sums), q, j, k0:k1]
                    for k in range(len(row)):
                        row[k] += line[k]
            m = weight[i, j, k0:k1]
            n, sf, sw, sff, sww, sfw = total[0], total[1], total[2], total[3], total[4], total[5]
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
        for q in range(3):
            _box_plane(
                planes[q],
                radius,
                spans[i, 0],
                spans[i, 1],
                spans[i, 2],
                spans[i, 3],
                scratch,
                coef[i % len(coef), q],
            )


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
