"""Trilinear interpolation of images and of displacements."""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import inline, parallel
from regkit.kernels.cpu.rows import extent
from regkit.kernels.cpu.trilinear import (
    cell,
    cells,
    lerp8,
    lerp_flat,
    nested_position,
    place_cells,
    strides,
    within,
)


@parallel
def sample_linear(image, points, outside, out):
    """``image (C, I, J, K)`` at index ``points (N, 3)`` into ``out (C, N)``, else ``outside``."""
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
    x, X, fx, _ = cell(nested_position(i, size[0], g0), g0)
    y, Y, fy, _ = cell(nested_position(j, size[1], g1), g1)
    for c in range(3):
        scale = np.float32(size[c] / u.shape[c + 1])
        out, v00, v01, v10, v11 = line[c], u[c, x, y], u[c, x, Y], u[c, X, y], u[c, X, Y]
        for k in range(g2):
            lower = v00[k] + fy * (v01[k] - v00[k])
            upper = v10[k] + fy * (v11[k] - v10[k])
            out[k] = scale * (lower + fx * (upper - lower))


@inline
def _moved(line, low, high, share, m, i, j, first, at):
    """``at = m (x + u(x))``: voxels of row ``i, j`` from ``first`` on, as many as ``low``."""
    l0, l1, l2 = line[0], line[1], line[2]
    p, q, r = at[0], at[1], at[2]
    for k in range(len(low)):
        e, E, fe = low[k], high[k], share[k]
        a = i + (l0[e] + fe * (l0[E] - l0[e]))
        b = j + (l1[e] + fe * (l1[E] - l1[e]))
        d = (first + k) + (l2[e] + fe * (l2[E] - l2[e]))
        p[k] = m[0, 0] * a + m[0, 1] * b + m[0, 2] * d + m[0, 3]
        q[k] = m[1, 0] * a + m[1, 1] * b + m[1, 2] * d + m[1, 3]
        r[k] = m[2, 0] * a + m[2, 1] * b + m[2, 2] * d + m[2, 3]


@parallel
def warp(image, m, u, weight, out, inside):
    """``out(x) = image(m (x + u(x)))``; ``inside`` is the weight where that lies in the image.

    ``u`` may live on a coarser grid of the same extent, in its voxels. Voxels without weight are
    not looked at: both are 0 there.
    """
    channels, n0, n1, n2 = image.shape
    size, g2 = weight.shape, u.shape[3]
    steps = strides((n0, n1, n2))
    low, high, share = cells(size[2], g2)
    for i in prange(size[0]):
        line = np.empty((3, g2), np.float32)
        whole, corners = np.empty((3, size[2])), np.empty((3, size[2]), np.int64)
        shares, offsets = np.empty((3, size[2]), np.float32), np.empty(size[2], np.int64)
        for j in range(size[1]):
            inside[i, j] = 0
            out[:, i, j] = 0
            first, last = extent(weight[i, j])
            if first == last:
                continue
            _row(u, i, j, size, line)
            n = last - first
            at, offset, f = whole[:, :n], offsets[:n], shares[:, :n]
            _moved(line, low[first:last], high[first:last], share[first:last], m, i, j, first, at)
            place_cells(at, (n0, n1, n2), corners[:, :n], f, offset)
            p, q, r = at[0], at[1], at[2]
            known, wanted = inside[i, j, first:last], weight[i, j, first:last]
            for k in range(n):
                there = within(p[k], n0) & within(q[k], n1) & within(r[k], n2)
                known[k] = wanted[k] * there
            fx, fy, fz = f[0], f[1], f[2]
            for c in range(channels):
                flat, row = image[c].ravel(), out[c, i, j, first:last]
                for k in range(n):
                    value = lerp_flat(flat, offset[k], steps, fx[k], fy[k], fz[k])
                    row[k] = value if known[k] != 0 else np.float32(0)


@parallel
def warp_nearest(image, m, u, outside, out):
    """The same, taking the nearest voxel of ``image`` in its own type."""
    channels, n0, n1, n2 = image.shape
    size, g2 = out.shape[1:], u.shape[3]
    low, high, share = cells(size[2], g2)
    for i in prange(size[0]):
        line, at = np.empty((3, g2), np.float32), np.empty((3, size[2]))
        for j in range(size[1]):
            _row(u, i, j, size, line)
            _moved(line, low, high, share, m, i, j, 0, at)
            for k in range(size[2]):
                p, q, r = at[0, k], at[1, k], at[2, k]
                inside = within(p, n0) and within(q, n1) and within(r, n2)
                x, y, z = _nearest(p, n0), _nearest(q, n1), _nearest(r, n2)
                for c in range(channels):
                    out[c, i, j, k] = image[c, x, y, z] if inside else outside


@parallel
def compose(u, v, out):
    """``out = v + u(x + v)``: the displacement of ``(id + u) o (id + v)``; u is clamped outside."""
    _, n0, n1, n2 = u.shape
    steps = strides((n0, n1, n2))
    for i in prange(n0):
        at, corners = np.empty((3, n2)), np.empty((3, n2), np.int64)
        f, offset = np.empty((3, n2), np.float32), np.empty(n2, np.int64)
        for j in range(n1):
            p, q, r = at[0], at[1], at[2]
            a, b, d = v[0, i, j], v[1, i, j], v[2, i, j]
            for k in range(n2):
                p[k] = i + a[k]
                q[k] = j + b[k]
                r[k] = k + d[k]
            place_cells(at, (n0, n1, n2), corners, f, offset)
            fx, fy, fz = f[0], f[1], f[2]
            for c in range(3):
                flat, step, row = u[c].ravel(), v[c, i, j], out[c, i, j]
                for k in range(n2):
                    row[k] = step[k] + lerp_flat(flat, offset[k], steps, fx[k], fy[k], fz[k])
