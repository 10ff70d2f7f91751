"""Local normalised cross-correlation over box windows, value and gradient in two sweeps."""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import inline, parallel


@inline
def _box_plane(plane, radius, scratch, out):
    """Box sums of ``plane (J, K)`` along both axes; windows end at the border."""
    n1, n2 = plane.shape
    for j in range(n1):
        row = scratch[j]
        for k in range(n2):
            row[k] = 0
        for t in range(max(j - radius, 0), min(j + radius + 1, n1)):
            line = plane[t]
            for k in range(n2):
                row[k] += line[k]
    for j in range(n1):
        row = scratch[j]
        line = out[j]
        for k in range(n2):
            line[k] = 0
        for t in range(-radius, radius + 1):
            for k in range(max(0, -t), min(n2, n2 - t)):
                line[k] += row[k + t]


@parallel
def moments(fixed, warped, weight, radius, sums):
    """In-plane box sums of w, wF, wW, wFF, wWW, wFW into ``sums (I, 6, J, K)``."""
    n0, n1, n2 = fixed.shape
    for i in prange(n0):
        plane = np.empty((n1, n2), np.float32)
        scratch = np.empty((n1, n2), np.float32)
        for q in range(6):
            for j in range(n1):
                f, w, m, row = fixed[i, j], warped[i, j], weight[i, j], plane[j]
                if q == 0:
                    for k in range(n2):
                        row[k] = m[k]
                elif q == 1:
                    for k in range(n2):
                        row[k] = m[k] * f[k]
                elif q == 2:
                    for k in range(n2):
                        row[k] = m[k] * w[k]
                elif q == 3:
                    for k in range(n2):
                        row[k] = m[k] * f[k] * f[k]
                elif q == 4:
                    for k in range(n2):
                        row[k] = m[k] * w[k] * w[k]
                else:
                    for k in range(n2):
                        row[k] = m[k] * f[k] * w[k]
            _box_plane(plane, radius, scratch, sums[i, q])


@parallel
def coefficients(sums, weight, radius, squared, eps, coef, value):
    """Correlation of every window; the box-summed coefficients of its gradient in ``coef``."""
    n0, _, n1, n2 = sums.shape
    for i in prange(n0):
        total = np.zeros((6, n2), np.float32)
        planes = np.empty((3, n1, n2), np.float32)
        scratch = np.empty((n1, n2), np.float32)
        cc_sum = 0.0
        low, high = max(i - radius, 0), min(i + radius + 1, n0)
        for j in range(n1):
            for q in range(6):
                row = total[q]
                for k in range(n2):
                    row[k] = 0
                for s in range(low, high):
                    line = sums[s, q, j]
                    for k in range(n2):
                        row[k] += line[k]
            m = weight[i, j]
            alpha, beta, gamma = planes[0, j], planes[1, j], planes[2, j]
            part = np.float32(0)
            for k in range(n2):
                inv = np.float32(1) / max(total[0, k], np.float32(1e-6))
                mean_f, mean_w = total[1, k] * inv, total[2, k] * inv
                var_f = max(total[3, k] * inv - mean_f * mean_f, np.float32(0)) + eps
                var_w = max(total[4, k] * inv - mean_w * mean_w, np.float32(0)) + eps
                cov = total[5, k] * inv - mean_f * mean_w
                share = m[k] * inv
                if squared:
                    ratio = cov / (var_f * var_w)
                    cc = cov * ratio
                    a = 2 * ratio * share
                    b = 2 * cc / var_w * share
                else:
                    norm = 1 / np.sqrt(var_f * var_w)
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
            _box_plane(planes[q], radius, scratch, coef[i, q])


@parallel
def gradient(fixed, warped, weight, coef, radius, scale, out):
    """``out = scale * weight * (alpha F - beta W + gamma)``, coefficients summed along i."""
    n0, n1, n2 = fixed.shape
    for i in prange(n0):
        total = np.empty((3, n2), np.float32)
        low, high = max(i - radius, 0), min(i + radius + 1, n0)
        for j in range(n1):
            for q in range(3):
                row = total[q]
                for k in range(n2):
                    row[k] = 0
                for s in range(low, high):
                    line = coef[s, q, j]
                    for k in range(n2):
                        row[k] += line[k]
            f, w, m, line = fixed[i, j], warped[i, j], weight[i, j], out[i, j]
            for k in range(n2):
                line[k] = scale * m[k] * (total[0, k] * f[k] - total[1, k] * w[k] + total[2, k])
