"""Trilinear interpolation at shares of the field of view, channels last."""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import parallel
from regkit.kernels.cpu.trilinear import cell, lerp8


@parallel
def sample(image, points, out):
    """``image (I, J, K, C)`` at ``points (N, 3)`` from 0 to 1 an axis, into ``out (N, C)``."""
    n0, n1, n2, channels = image.shape
    s0, s1, s2 = np.float32(n0 - 1), np.float32(n1 - 1), np.float32(n2 - 1)
    first = image.transpose(3, 0, 1, 2)
    for n in prange(points.shape[0]):
        x, X, fx, _ = cell(points[n, 0] * s0, n0)
        y, Y, fy, _ = cell(points[n, 1] * s1, n1)
        z, Z, fz, _ = cell(points[n, 2] * s2, n2)
        for c in range(channels):
            out[n, c] = lerp8(first, c, x, X, y, Y, z, Z, fx, fy, fz)


@parallel
def warp(image, u, out):
    """``image (I, J, K, C)`` at ``x + u(x)`` for every voxel ``x``, into ``out (n0, n1, n2, C)``.

    ``u (n0, n1, n2, 3)`` is in shares of the field of view.
    """
    n0, n1, n2, channels = image.shape
    s0, s1, s2 = np.float32(n0 - 1), np.float32(n1 - 1), np.float32(n2 - 1)
    m0, m1, m2 = u.shape[:3]
    first = image.transpose(3, 0, 1, 2)
    for i in prange(m0):
        at0 = np.float32(i) / np.float32(max(m0 - 1, 1))
        for j in range(m1):
            at1 = np.float32(j) / np.float32(max(m1 - 1, 1))
            for k in range(m2):
                at2 = np.float32(k) / np.float32(max(m2 - 1, 1))
                x, X, fx, _ = cell((at0 + u[i, j, k, 0]) * s0, n0)
                y, Y, fy, _ = cell((at1 + u[i, j, k, 1]) * s1, n1)
                z, Z, fz, _ = cell((at2 + u[i, j, k, 2]) * s2, n2)
                for c in range(channels):
                    out[i, j, k, c] = lerp8(first, c, x, X, y, Y, z, Z, fx, fy, fz)
