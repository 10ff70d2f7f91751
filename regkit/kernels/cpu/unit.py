"""Trilinear interpolation at shares of the field of view, channels last."""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import parallel
from regkit.kernels.cpu.trilinear import cell


@parallel
def sample(image, points, out):
    """``image (I, J, K, C)`` at ``points (N, 3)`` from 0 to 1 an axis, into ``out (N, C)``."""
    n0, n1, n2, channels = image.shape
    s0, s1, s2 = np.float32(n0 - 1), np.float32(n1 - 1), np.float32(n2 - 1)
    for n in prange(points.shape[0]):
        x, X, fx, _ = cell(points[n, 0] * s0, n0)
        y, Y, fy, _ = cell(points[n, 1] * s1, n1)
        z, Z, fz, _ = cell(points[n, 2] * s2, n2)
        for c in range(channels):
            a = image[x, y, z, c] + fz * (image[x, y, Z, c] - image[x, y, z, c])
            b = image[x, Y, z, c] + fz * (image[x, Y, Z, c] - image[x, Y, z, c])
            d = image[X, y, z, c] + fz * (image[X, y, Z, c] - image[X, y, z, c])
            e = image[X, Y, z, c] + fz * (image[X, Y, Z, c] - image[X, Y, z, c])
            lower = a + fy * (b - a)
            upper = d + fy * (e - d)
            out[n, c] = lower + fx * (upper - lower)


@parallel
def warp(image, u, add, out):
    """``image`` at ``x + u(x)`` for every voxel ``x`` of ``u``, and ``u`` added to it if told.

    Channels last: ``image (I, J, K, C)``, ``u (n0, n1, n2, 3)`` in shares of the field of view,
    ``out (n0, n1, n2, C)``; where ``u`` is added there are three channels.
    """
    n0, n1, n2, channels = image.shape
    s0, s1, s2 = np.float32(n0 - 1), np.float32(n1 - 1), np.float32(n2 - 1)
    m0, m1, m2 = u.shape[:3]
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
                    a = image[x, y, z, c] + fz * (image[x, y, Z, c] - image[x, y, z, c])
                    b = image[x, Y, z, c] + fz * (image[x, Y, Z, c] - image[x, Y, z, c])
                    d = image[X, y, z, c] + fz * (image[X, y, Z, c] - image[X, y, z, c])
                    e = image[X, Y, z, c] + fz * (image[X, Y, Z, c] - image[X, Y, z, c])
                    lower = a + fy * (b - a)
                    upper = d + fy * (e - d)
                    value = lower + fx * (upper - lower)
                    out[i, j, k, c] = value + u[i, j, k, c] if add else value
