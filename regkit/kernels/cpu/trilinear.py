"""The trilinear cell: where a position lies, its value and its slope."""

from __future__ import annotations

import numpy as np

from regkit.kernels.cpu.jit import inline


@inline
def within(p, n):
    """ITK's rule of what lies inside an axis of ``n`` voxels."""
    return p >= -0.5 and p <= n - 0.5


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
def nested(i, n, other):
    """Where voxel ``i`` of ``n`` lies on an axis that cuts the same extent into ``other``."""
    return (i + 0.5) * other / n - 0.5


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
