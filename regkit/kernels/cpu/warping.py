"""Trilinear interpolation: values, gradients, and the adjoint onto an affine."""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import inline, parallel
from regkit.kernels.cpu.trilinear import cell, lerp8, nested, slope8, within


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


@inline
def _nearest(p, n):
    """Halves round up, as ITK's nearest neighbour does."""
    return min(max(int(np.floor(p + 0.5)), 0), n - 1)


@parallel
def sample_nearest(image, points, outside, out):
    """The same, taking the nearest voxel in its own type."""
    channels, n0, n1, n2 = image.shape
    for n in prange(points.shape[0]):
        p, q, r = points[n, 0], points[n, 1], points[n, 2]
        if within(p, n0) and within(q, n1) and within(r, n2):
            x, y, z = _nearest(p, n0), _nearest(q, n1), _nearest(r, n2)
            for c in range(channels):
                out[c, n] = image[c, x, y, z]
        else:
            for c in range(channels):
                out[c, n] = outside


@inline
def _row(u, i, j, size, line):
    """``u (3, G0, G1, G2)`` along the row ``i, j`` of a grid of ``size``, in voxels of that."""
    _, g0, g1, g2 = u.shape
    x, X, fx, _ = cell(nested(i, size[0], g0), g0)
    y, Y, fy, _ = cell(nested(j, size[1], g1), g1)
    for c in range(3):
        scale = np.float32(size[c] / u.shape[c + 1])
        out, v00, v01, v10, v11 = line[c], u[c, x, y], u[c, x, Y], u[c, X, y], u[c, X, Y]
        for k in range(g2):
            lower = v00[k] + fy * (v01[k] - v00[k])
            upper = v10[k] + fy * (v11[k] - v10[k])
            out[k] = scale * (lower + fx * (upper - lower))


@parallel
def warp(image, m, u, weight, out, inside):
    """``out(x) = image(m (x + u(x)))``; ``inside`` is the weight where that lies in the image.

    ``u`` may live on a coarser grid of the same extent, in its voxels. Voxels without weight are
    not looked at: both are 0 there.
    """
    channels, n0, n1, n2 = image.shape
    size, g2 = weight.shape, u.shape[3]
    for i in prange(size[0]):
        line = np.empty((3, g2), np.float32)
        for j in range(size[1]):
            if not weight[i, j].any():
                inside[i, j] = 0
                out[:, i, j] = 0
                continue
            _row(u, i, j, size, line)
            for k in range(size[2]):
                if weight[i, j, k] == 0:
                    inside[i, j, k] = 0
                    for c in range(channels):
                        out[c, i, j, k] = 0
                    continue
                e, E, fe, _ = cell(nested(k, size[2], g2), g2)
                a = i + (line[0, e] + fe * (line[0, E] - line[0, e]))
                b = j + (line[1, e] + fe * (line[1, E] - line[1, e]))
                d = k + (line[2, e] + fe * (line[2, E] - line[2, e]))
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
def warp_nearest(image, m, u, outside, out):
    """The same, taking the nearest voxel of ``image`` in its own type."""
    channels, n0, n1, n2 = image.shape
    size, g2 = out.shape[1:], u.shape[3]
    for i in prange(size[0]):
        line = np.empty((3, g2), np.float32)
        for j in range(size[1]):
            _row(u, i, j, size, line)
            for k in range(size[2]):
                e, E, fe, _ = cell(nested(k, size[2], g2), g2)
                a = i + (line[0, e] + fe * (line[0, E] - line[0, e]))
                b = j + (line[1, e] + fe * (line[1, E] - line[1, e]))
                d = k + (line[2, e] + fe * (line[2, E] - line[2, e]))
                p = m[0, 0] * a + m[0, 1] * b + m[0, 2] * d + m[0, 3]
                q = m[1, 0] * a + m[1, 1] * b + m[1, 2] * d + m[1, 3]
                r = m[2, 0] * a + m[2, 1] * b + m[2, 2] * d + m[2, 3]
                inside = within(p, n0) and within(q, n1) and within(r, n2)
                x, y, z = _nearest(p, n0), _nearest(q, n1), _nearest(r, n2)
                for c in range(channels):
                    out[c, i, j, k] = image[c, x, y, z] if inside else outside


@inline
def _add_slope(up, here, low, high, known, lower, higher, out):
    """Add ``up`` times the difference between two neighbours, or to the one that is known."""
    for k in range(len(out)):
        above, below = known[k] * higher[k] > 0, known[k] * lower[k] > 0
        rise = (high[k] if above else here[k]) - (low[k] if below else here[k])
        out[k] += up[k] * (np.float32(0.5) * rise if above and below else rise)


@inline
def _gather(row, out):
    """The adjoint of linear interpolation from the axis of ``out`` to that of ``row``."""
    n, g = len(row), len(out)
    for k in range(n):
        e, E, fe, _ = cell(nested(k, n, g), g)
        out[e] += (1 - fe) * row[k]
        out[E] += fe * row[k]


@parallel
def step_force(warped, known, upstream, planes):
    """``upstream grad(warped)``, gathered along j and k: ``planes (3, I, G1, G2)``.

    :func:`gather_first` does the rest.
    """
    channels, n0, n1, n2 = warped.shape
    _, _, g1, g2 = planes.shape
    for i in prange(n0):
        before, after = max(i - 1, 0), min(i + 1, n0 - 1)
        force, part = np.empty((3, n2), np.float32), np.empty((3, g2), np.float32)
        value, there = np.zeros(n2 + 2, np.float32), np.zeros(n2 + 2, np.float32)
        nothing = np.zeros(n2, np.float32)
        planes[:, i] = 0
        for j in range(n1):
            if not known[i, j].any():
                continue
            left, right = max(j - 1, 0), min(j + 1, n1 - 1)
            m = known[i, j]
            there[1:-1] = m
            force[:] = 0
            for c in range(channels):
                up, here = upstream[c, i, j], warped[c, i, j]
                value[1:-1] = here
                low, high = warped[c, before, j], warped[c, after, j]
                lower = known[before, j] if i > 0 else nothing
                higher = known[after, j] if i < n0 - 1 else nothing
                _add_slope(up, here, low, high, m, lower, higher, force[0])
                low, high = warped[c, i, left], warped[c, i, right]
                lower = known[i, left] if j > 0 else nothing
                higher = known[i, right] if j < n1 - 1 else nothing
                _add_slope(up, here, low, high, m, lower, higher, force[1])
                _add_slope(up, here, value[:-2], value[2:], m, there[:-2], there[2:], force[2])
            y, Y, fy, _ = cell(nested(j, n1, g1), g1)
            part[:] = 0
            for c in range(3):
                _gather(force[c], part[c])
                near, far = planes[c, i, y], planes[c, i, Y]
                for k in range(g2):
                    near[k] += (1 - fy) * part[c, k]
                    far[k] += fy * part[c, k]


@parallel
def gather_first(planes, force):
    """The adjoint of linear interpolation along i: ``planes (3, I, ...)`` to a coarser grid."""
    size, g0 = planes.shape[1], force.shape[1]
    for i in prange(g0):
        force[:, i] = 0
        low, high = int((i - 0.5) * size / g0) - 1, int((i + 1.5) * size / g0) + 2
        for s in range(max(low, 0), min(high, size)):
            x, X, fx, _ = cell(nested(s, size, g0), g0)
            share = (1 - fx) * (x == i) + fx * (i == X)
            if share == 0:
                continue
            w = np.float32(share)
            for c in range(3):
                for j in range(force.shape[2]):
                    out, line = force[c, i, j], planes[c, s, j]
                    for k in range(len(out)):
                        out[k] += w * line[k]


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
