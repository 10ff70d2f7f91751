"""What pulls at a warped image: the derivative of a loss by a step aside, or by the affine."""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import inline, parallel
from regkit.kernels.cpu.rows import extent
from regkit.kernels.cpu.trilinear import cell, cells, nested_position, slope8, within


@inline
def _add_slope(up, here, low, high, known, lower, higher, out):
    """Add ``up`` times the difference between two neighbours, or to the one that is known."""
    for k in range(len(out)):
        above, below = known[k] * higher[k] > 0, known[k] * lower[k] > 0
        rise = (high[k] if above else here[k]) - (low[k] if below else here[k])
        out[k] += up[k] * (np.float32(0.5) * rise if above and below else rise)


@inline
def _gather(row, low, high, share, out):
    """The adjoint of linear interpolation from the axis of ``out`` to that of ``row``."""
    for k in range(len(row)):
        upper = share[k] * row[k]
        out[low[k]] += row[k] - upper
        out[high[k]] += upper


@parallel
def displacement_gradient(warped, known, upstream, planes):
    """``upstream grad(warped)``, gathered along j and k: ``planes (3, I, G1, G2)``.

    :func:`gather_first` does the rest.
    """
    channels, n0, n1, n2 = warped.shape
    _, _, g1, g2 = planes.shape
    low, high, share = cells(n2, g2)
    for i in prange(n0):
        before, after = max(i - 1, 0), min(i + 1, n0 - 1)
        whole, part = np.empty((3, n2), np.float32), np.empty((3, g2), np.float32)
        value, there = np.zeros(n2 + 2, np.float32), np.zeros(n2 + 2, np.float32)
        nothing = np.zeros(n2, np.float32)
        planes[:, i] = 0
        for j in range(n1):
            k0, k1 = extent(known[i, j])
            if k0 == k1:
                continue
            left, right, n = max(j - 1, 0), min(j + 1, n1 - 1), k1 - k0
            m, force = known[i, j, k0:k1], whole[:, :n]
            # Beyond the first and the last voxel that is known there is none.
            there[1 : n + 1], there[n + 1] = m, 0
            force[:] = 0
            for c in range(channels):
                up, here = upstream[c, i, j, k0:k1], warped[c, i, j, k0:k1]
                value[1 : n + 1] = here
                less, more = warped[c, before, j, k0:k1], warped[c, after, j, k0:k1]
                lower = known[before, j, k0:k1] if i > 0 else nothing[:n]
                higher = known[after, j, k0:k1] if i < n0 - 1 else nothing[:n]
                _add_slope(up, here, less, more, m, lower, higher, force[0])
                less, more = warped[c, i, left, k0:k1], warped[c, i, right, k0:k1]
                lower = known[i, left, k0:k1] if j > 0 else nothing[:n]
                higher = known[i, right, k0:k1] if j < n1 - 1 else nothing[:n]
                _add_slope(up, here, less, more, m, lower, higher, force[1])
                less, more = value[:n], value[2 : n + 2]
                _add_slope(up, here, less, more, m, there[:n], there[2 : n + 2], force[2])
            y, Y, fy, _ = cell(nested_position(j, n1, g1), g1)
            gy = np.float32(1) - fy
            part[:] = 0
            for c in range(3):
                _gather(force[c], low[k0:k1], high[k0:k1], share[k0:k1], part[c])
                near, far, line = planes[c, i, y], planes[c, i, Y], part[c]
                for k in range(g2):
                    near[k] += gy * line[k]
                for k in range(g2):
                    far[k] += fy * line[k]


@parallel
def gather_first(planes, force):
    """The adjoint of linear interpolation along i: ``planes (3, I, ...)`` to a coarser grid."""
    size, g0 = planes.shape[1], force.shape[1]
    for i in prange(g0):
        force[:, i] = 0
        low, high = int((i - 0.5) * size / g0) - 1, int((i + 1.5) * size / g0) + 2
        for s in range(max(low, 0), min(high, size)):
            x, X, fx, _ = cell(nested_position(s, size, g0), g0)
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
    """``partial[i] = d loss / d m (3, 4)`` of slice ``i``, for ``u = 0``."""
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
