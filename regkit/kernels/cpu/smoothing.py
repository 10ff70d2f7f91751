"""Separable convolution, one pass an axis, vectorised along the last one."""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import parallel
from regkit.kernels.cpu.rows import across, along


@parallel
def along_first(image, taps, zero, out):
    """Convolve axis i of ``image (C, I, J, K)``; ``out`` may be ``image``.

    ``zero``: nothing lies outside, else edge values do.
    """
    channels, n0, n1, n2 = image.shape
    for j in prange(n1):
        plane = np.empty((n0, n2), np.float32)
        for c in range(channels):
            for i in range(n0):
                row, line = plane[i], image[c, i, j]
                for k in range(n2):
                    row[k] = line[k]
            for i in range(n0):
                across(plane, taps, i, zero, out[c, i, j])


@parallel
def along_others(image, taps_j, taps_k, zero, out):
    """Convolve axes j and k, slice by slice. ``out`` may be ``image``."""
    channels, n0, n1, n2 = image.shape
    radius = len(taps_k) // 2
    for i in prange(n0):
        plane = np.empty((n1, n2), np.float32)
        wide = np.empty(n2 + 2 * radius, np.float32)
        for c in range(channels):
            for j in range(n1):
                across(image[c, i], taps_j, j, zero, plane[j])
            for j in range(n1):
                line = plane[j]
                wide[:radius] = np.float32(0) if zero else line[0]
                wide[n2 + radius :] = np.float32(0) if zero else line[n2 - 1]
                for k in range(n2):
                    wide[radius + k] = line[k]
                along(wide, taps_k, out[c, i, j])
