"""The trilinear cell: where a position lies, its value and its slope."""

from __future__ import annotations

import numpy as np

from regkit.kernels.cpu.jit import inline


@inline
def within(p, n):
    """ITK's rule of what lies inside an axis of ``n`` voxels: the far rim does not."""
    return p >= -0.5 and p < n - 0.5


@inline
def cell(p, n):
    """Lower corner, upper corner, weight of the upper one, and slope (0 where clamped)."""
    if p <= 0.0:
        return 0, 0, np.float32(0), np.float32(0)
    if p >= n - 1:
        return n - 1, n - 1, np.float32(0), np.float32(0)
    low = int(p)
    return low, low + 1, np.float32(p - low), np.float32(1)


@inline
def nested_position(i, n, other):
    """Where voxel ``i`` of ``n`` lies on an axis that cuts the same extent into ``other``."""
    return (i + 0.5) * other / n - 0.5


@inline
def cells(n, other):
    """Where each voxel of ``n`` lies among ``other`` of the same extent, as :func:`cell` has it."""
    low, high, share = np.empty(n, np.intp), np.empty(n, np.intp), np.empty(n, np.float32)
    for i in range(n):
        low[i], high[i], share[i], _ = cell(nested_position(i, n, other), other)
    return low, high, share


@inline
def _place(p, n, low, share):
    """The lower corners of positions ``p``, held inside an axis of ``n``, and the upper's shares.

    Without a branch, so that whole rows are placed by vector instructions; the upper corner is the
    next voxel, or the same one where there is but one.
    """
    last = max(n - 2, 0)
    for k in range(len(p)):
        q = p[k] if p[k] > 0.0 else 0.0  # and what is no number too
        q = q if q < n - 1.0 else n - 1.0
        corner = min(int(q), last)
        low[k] = corner
        share[k] = q - corner


@inline
def place_cells(at, shape, corner, share, offset):
    """The cells of positions ``at (3, K)`` in an array of ``shape``: flat corners, and shares."""
    for axis in range(3):
        _place(at[axis], shape[axis], corner[axis], share[axis])
    x, y, z = corner[0], corner[1], corner[2]
    for k in range(len(offset)):
        offset[k] = (x[k] * shape[1] + y[k]) * shape[2] + z[k]


@inline
def strides(shape):
    """How far the upper corner of a cell is from the lower one along each axis, in a flat array."""
    n0, n1, n2 = shape
    return np.uintp(n1 * n2 * (n0 > 1)), np.uintp(n2 * (n1 > 1)), np.uintp(n2 > 1)


@inline
def lerp_flat(flat, at, steps, fx, fy, fz):
    """Value between the eight corners of a cell whose lowest is ``flat[at]``.

    Indices without a sign: none is looked at twice to see whether it counts from the end.
    """
    s, t, w = steps
    o = np.uintp(at)
    a = flat[o] + fz * (flat[o + w] - flat[o])
    b = flat[o + t] + fz * (flat[o + t + w] - flat[o + t])
    d = flat[o + s] + fz * (flat[o + s + w] - flat[o + s])
    e = flat[o + s + t] + fz * (flat[o + s + t + w] - flat[o + s + t])
    lower = a + fy * (b - a)
    upper = d + fy * (e - d)
    return lower + fx * (upper - lower)


@inline
def lerp8(image, c, x, X, y, Y, z, Z, fx, fy, fz):
    """Value between the eight corners."""
    a = image[c, x, y, z] + fz * (image[c, x, y, Z] - image[c, x, y, z])
    b = image[c, x, Y, z] + fz * (image[c, x, Y, Z] - image[c, x, Y, z])
    d = image[c, X, y, z] + fz * (image[c, X, y, Z] - image[c, X, y, z])
    e = image[c, X, Y, z] + fz * (image[c, X, Y, Z] - image[c, X, Y, z])
    lower = a + fy * (b - a)
    upper = d + fy * (e - d)
    return lower + fx * (upper - lower)


@inline
def slope8(image, c, x, X, y, Y, z, Z, fx, fy, fz):
    """Gradient between the eight corners, per voxel."""
    v000, v001 = image[c, x, y, z], image[c, x, y, Z]
    v010, v011 = image[c, x, Y, z], image[c, x, Y, Z]
    v100, v101 = image[c, X, y, z], image[c, X, y, Z]
    v110, v111 = image[c, X, Y, z], image[c, X, Y, Z]
    a, b = v000 + fz * (v001 - v000), v010 + fz * (v011 - v010)
    d, e = v100 + fz * (v101 - v100), v110 + fz * (v111 - v110)
    gx = d + fy * (e - d) - (a + fy * (b - a))
    gy = (b - a) + fx * ((e - d) - (b - a))
    s0 = (v001 - v000) + fy * ((v011 - v010) - (v001 - v000))
    s1 = (v101 - v100) + fy * ((v111 - v110) - (v101 - v100))
    return gx, gy, s0 + fx * (s1 - s0)
