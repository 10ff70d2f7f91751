"""Trilinear interpolation: values, gradients, and the adjoint onto an affine."""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import parallel
from regkit.kernels.cpu.trilinear import cell, lerp8, slope8, within


@parallel
def sample_linear(image, points, outside, out):
    """``image (C, I, J, K)`` at index ``points (N, 3)`` into ``out (C, N)``."""
    channels, n0, n1, n2 = image.shape
    for n in prange(points.shape[0]):
        p, q, r = points[n, 0], points[n, 1], points[n, 2]
        if within(p, n0) and within(q, n1) and within(r, n2):
            x, X, fx, _ = cell(p, n0)
            y, Y, fy, _ = cell(q, n1)
            z, Z, fz, _ = cell(r, n2)
            for c in range(channels):
                out[c, n] = lerp8(image, c, x, X, y, Y, z, Z, fx, fy, fz)
        else:
            for c in range(channels):
                out[c, n] = outside


@parallel
def sample_nearest(image, points, outside, out):
    """The same, taking the nearest voxel; halves round up, as ITK's nearest neighbour does."""
    channels, n0, n1, n2 = image.shape
    for n in prange(points.shape[0]):
        p, q, r = points[n, 0], points[n, 1], points[n, 2]
        if within(p, n0) and within(q, n1) and within(r, n2):
            x = min(int(np.floor(p + 0.5)), n0 - 1)
            y = min(int(np.floor(q + 0.5)), n1 - 1)
            z = min(int(np.floor(r + 0.5)), n2 - 1)
            for c in range(channels):
                out[c, n] = image[c, x, y, z]
        else:
            for c in range(channels):
                out[c, n] = outside


@parallel
def warp(image, m, u, weight, out, inside):
    """``out(x) = image(m (x + u(x)))``; ``inside`` is the weight where that lies in the image.

    Voxels without weight are not looked at: both are 0 there.
    """
    channels, n0, n1, n2 = image.shape
    _, t0, t1, t2 = u.shape
    for i in prange(t0):
        for j in range(t1):
            for k in range(t2):
                if weight[i, j, k] == 0:
                    inside[i, j, k] = 0
                    for c in range(channels):
                        out[c, i, j, k] = 0
                    continue
                a, b, d = i + u[0, i, j, k], j + u[1, i, j, k], k + u[2, i, j, k]
                p = m[0, 0] * a + m[0, 1] * b + m[0, 2] * d + m[0, 3]
                q = m[1, 0] * a + m[1, 1] * b + m[1, 2] * d + m[1, 3]
                r = m[2, 0] * a + m[2, 1] * b + m[2, 2] * d + m[2, 3]
                if within(p, n0) and within(q, n1) and within(r, n2):
                    x, X, fx, _ = cell(p, n0)
                    y, Y, fy, _ = cell(q, n1)
                    z, Z, fz, _ = cell(r, n2)
                    inside[i, j, k] = weight[i, j, k]
                    for c in range(channels):
                        out[c, i, j, k] = lerp8(image, c, x, X, y, Y, z, Z, fx, fy, fz)
                else:
                    inside[i, j, k] = 0
                    for c in range(channels):
                        out[c, i, j, k] = 0


@parallel
def warp_force(image, m, u, upstream, force):
    """``force = d loss / d u`` for ``upstream = d loss / d out`` of :func:`warp`."""
    channels, n0, n1, n2 = image.shape
    _, t0, t1, t2 = u.shape
    for i in prange(t0):
        for j in range(t1):
            for k in range(t2):
                busy = False
                for c in range(channels):
                    busy = busy or upstream[c, i, j, k] != 0
                if not busy:
                    force[0, i, j, k] = 0
                    force[1, i, j, k] = 0
                    force[2, i, j, k] = 0
                    continue
                a, b, d = i + u[0, i, j, k], j + u[1, i, j, k], k + u[2, i, j, k]
                p = m[0, 0] * a + m[0, 1] * b + m[0, 2] * d + m[0, 3]
                q = m[1, 0] * a + m[1, 1] * b + m[1, 2] * d + m[1, 3]
                r = m[2, 0] * a + m[2, 1] * b + m[2, 2] * d + m[2, 3]
                gx, gy, gz = np.float32(0), np.float32(0), np.float32(0)
                if within(p, n0) and within(q, n1) and within(r, n2):
                    x, X, fx, sx = cell(p, n0)
                    y, Y, fy, sy = cell(q, n1)
                    z, Z, fz, sz = cell(r, n2)
                    for c in range(channels):
                        w = upstream[c, i, j, k]
                        if w != 0:
                            hx, hy, hz = slope8(image, c, x, X, y, Y, z, Z, fx, fy, fz)
                            gx += w * hx * sx
                            gy += w * hy * sy
                            gz += w * hz * sz
                force[0, i, j, k] = m[0, 0] * gx + m[1, 0] * gy + m[2, 0] * gz
                force[1, i, j, k] = m[0, 1] * gx + m[1, 1] * gy + m[2, 1] * gz
                force[2, i, j, k] = m[0, 2] * gx + m[1, 2] * gy + m[2, 2] * gz


@parallel
def affine_force(image, m, upstream, partial):
    """``partial[i] = d loss / d m`` (3x4) of slice ``i``, for ``u = 0``."""
    channels, n0, n1, n2 = image.shape
    _, t0, t1, t2 = upstream.shape
    for i in prange(t0):
        g = np.zeros((3, 4))
        for j in range(t1):
            for k in range(t2):
                busy = False
                for c in range(channels):
                    busy = busy or upstream[c, i, j, k] != 0
                if not busy:
                    continue
                p = m[0, 0] * i + m[0, 1] * j + m[0, 2] * k + m[0, 3]
                q = m[1, 0] * i + m[1, 1] * j + m[1, 2] * k + m[1, 3]
                r = m[2, 0] * i + m[2, 1] * j + m[2, 2] * k + m[2, 3]
                if within(p, n0) and within(q, n1) and within(r, n2):
                    x, X, fx, sx = cell(p, n0)
                    y, Y, fy, sy = cell(q, n1)
                    z, Z, fz, sz = cell(r, n2)
                    gx, gy, gz = np.float32(0), np.float32(0), np.float32(0)
                    for c in range(channels):
                        w = upstream[c, i, j, k]
                        if w != 0:
                            hx, hy, hz = slope8(image, c, x, X, y, Y, z, Z, fx, fy, fz)
                            gx += w * hx * sx
                            gy += w * hy * sy
                            gz += w * hz * sz
                    g[0, 0] += gx * i
                    g[0, 1] += gx * j
                    g[0, 2] += gx * k
                    g[0, 3] += gx
                    g[1, 0] += gy * i
                    g[1, 1] += gy * j
                    g[1, 2] += gy * k
                    g[1, 3] += gy
                    g[2, 0] += gz * i
                    g[2, 1] += gz * j
                    g[2, 2] += gz * k
                    g[2, 3] += gz
        partial[i] = g


@parallel
def compose(u, v, out):
    """``out = v + u(x + v)``: the displacement of ``(id + u) o (id + v)``; u is clamped outside."""
    _, n0, n1, n2 = u.shape
    for i in prange(n0):
        for j in range(n1):
            for k in range(n2):
                x, X, fx, _ = cell(i + v[0, i, j, k], n0)
                y, Y, fy, _ = cell(j + v[1, i, j, k], n1)
                z, Z, fz, _ = cell(k + v[2, i, j, k], n2)
                for c in range(3):
                    out[c, i, j, k] = v[c, i, j, k] + lerp8(u, c, x, X, y, Y, z, Z, fx, fy, fz)
