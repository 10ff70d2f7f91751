"""Differentiate a displacement given by its values."""

from __future__ import annotations

from numba import prange

from regkit.kernels.cpu.jit import inline, parallel


@inline
def _slope(u, c, x, X, y, Y, z, Z):
    """Difference quotient between two voxels that differ along one axis."""
    return (u[c, X, Y, Z] - u[c, x, y, z]) / (X - x + Y - y + Z - z)


@parallel
def determinant(u, linear, out):
    """Determinant of ``linear + du/dx`` for ``u (3, I, J, K)`` into ``out (I, J, K)``."""
    _, n0, n1, n2 = u.shape
    for i in prange(n0):
        x, X = max(i - 1, 0), min(i + 1, n0 - 1)
        for j in range(n1):
            y, Y = max(j - 1, 0), min(j + 1, n1 - 1)
            for k in range(n2):
                z, Z = max(k - 1, 0), min(k + 1, n2 - 1)
                a = linear[0, 0] + _slope(u, 0, x, X, j, j, k, k)
                b = linear[0, 1] + _slope(u, 0, i, i, y, Y, k, k)
                c = linear[0, 2] + _slope(u, 0, i, i, j, j, z, Z)
                d = linear[1, 0] + _slope(u, 1, x, X, j, j, k, k)
                e = linear[1, 1] + _slope(u, 1, i, i, y, Y, k, k)
                f = linear[1, 2] + _slope(u, 1, i, i, j, j, z, Z)
                g = linear[2, 0] + _slope(u, 2, x, X, j, j, k, k)
                h = linear[2, 1] + _slope(u, 2, i, i, y, Y, k, k)
                m = linear[2, 2] + _slope(u, 2, i, i, j, j, z, Z)
                out[i, j, k] = a * (e * m - f * h) - b * (d * m - f * g) + c * (d * h - e * g)
