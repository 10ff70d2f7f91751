"""Differentiate a map given by its values."""

from __future__ import annotations

from numba import prange

from regkit.kernels.cpu.jit import inline, parallel


@inline
def _slope(phi, c, x, X, y, Y, z, Z):
    """Difference quotient between two voxels that differ along one axis."""
    return (phi[c, X, Y, Z] - phi[c, x, y, z]) / (X - x + Y - y + Z - z)


@parallel
def determinant(phi, out):
    """Determinant of the derivative of ``phi (3, I, J, K)`` into ``out (I, J, K)``."""
    _, n0, n1, n2 = phi.shape
    for i in prange(n0):
        x, X = max(i - 1, 0), min(i + 1, n0 - 1)
        for j in range(n1):
            y, Y = max(j - 1, 0), min(j + 1, n1 - 1)
            for k in range(n2):
                z, Z = max(k - 1, 0), min(k + 1, n2 - 1)
                a = _slope(phi, 0, x, X, j, j, k, k)
                b = _slope(phi, 0, i, i, y, Y, k, k)
                c = _slope(phi, 0, i, i, j, j, z, Z)
                d = _slope(phi, 1, x, X, j, j, k, k)
                e = _slope(phi, 1, i, i, y, Y, k, k)
                f = _slope(phi, 1, i, i, j, j, z, Z)
                g = _slope(phi, 2, x, X, j, j, k, k)
                h = _slope(phi, 2, i, i, y, Y, k, k)
                m = _slope(phi, 2, i, i, j, j, z, Z)
                out[i, j, k] = a * (e * m - f * h) - b * (d * m - f * g) + c * (d * h - e * g)
