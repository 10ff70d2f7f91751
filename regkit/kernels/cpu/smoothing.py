"""Separable convolution, one pass an axis, vectorised along the last one."""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import inline, parallel


@inline
def _clamp(i, n):
    return min(max(i, 0), n - 1)


@parallel
def along_first(image, taps, zero, out):
    """Convolve axis i of ``image (C, I, J, K)``; ``out`` may be ``image``.

    ``zero``: nothing lies outside, else edge values do.
    """
    channels, n0, n1, n2 = image.shape
    radius = len(taps) // 2
    for j in prange(n1):
        plane = np.empty((n0, n2), np.float32)
        for c in range(channels):
            for i in range(n0):
                row, line = plane[i], image[c, i, j]
                for k in range(n2):
                    row[k] = line[k]
            for i in range(n0):
                row = out[c, i, j]
                for k in range(n2):
                    row[k] = 0
                for t in range(-radius, radius + 1):
                    source = i + t
                    if zero and (source < 0 or source >= n0):
                        continue
                    w = taps[t + radius]
                    line = plane[_clamp(source, n0)]
                    for k in range(n2):
                        row[k] += w * line[k]


@parallel
def along_others(image, taps_j, taps_k, zero, out):
    """Convolve axes j and k, slice by slice. ``out`` may be ``image``."""
    channels, n0, n1, n2 = image.shape
    rj, rk = len(taps_j) // 2, len(taps_k) // 2
    for i in prange(n0):
        plane = np.empty((n1, n2), np.float32)
        wide = np.empty(n2 + 2 * rk, np.float32)
        for c in range(channels):
            for j in range(n1):
                row = plane[j]
                for k in range(n2):
                    row[k] = 0
                for t in range(-rj, rj + 1):
                    source = j + t
                    if zero and (source < 0 or source >= n1):
                        continue
                    w = taps_j[t + rj]
                    line = image[c, i, _clamp(source, n1)]
                    for k in range(n2):
                        row[k] += w * line[k]
            for j in range(n1):
                line = plane[j]
                for k in range(rk):
                    wide[k] = np.float32(0) if zero else line[0]
                    wide[n2 + rk + k] = np.float32(0) if zero else line[n2 - 1]
                for k in range(n2):
                    wide[rk + k] = line[k]
                row = out[c, i, j]
                for k in range(n2):
                    row[k] = 0
                for t in range(2 * rk + 1):
                    w = taps_k[t]
                    for k in range(n2):
                        row[k] += w * wide[k + t]
