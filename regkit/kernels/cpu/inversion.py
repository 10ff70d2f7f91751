"""Invert a displacement field voxel by voxel, by damped Newton steps."""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import inline, parallel
from regkit.kernels.cpu.trilinear import cell, lerp8, nested_position, slope8

_LONGEST = 2.0  # voxels: a Newton step is trusted within the neighbouring cells only


@inline
def _newton(a, b, c, d, e, f, g, h, m, r0, r1, r2):
    """Solve the 3x3 system by Cramer's rule; the plain residual where it is nearly singular."""
    det = a * (e * m - f * h) - b * (d * m - f * g) + c * (d * h - e * g)
    if det < 0.02:
        return 0.5 * r0, 0.5 * r1, 0.5 * r2
    s0 = (r0 * (e * m - f * h) - b * (r1 * m - f * r2) + c * (r1 * h - e * r2)) / det
    s1 = (a * (r1 * m - f * r2) - r0 * (d * m - f * g) + c * (d * r2 - r1 * g)) / det
    s2 = (a * (e * r2 - r1 * h) - b * (d * r2 - r1 * g) + r0 * (d * h - e * g)) / det
    size = np.sqrt(s0 * s0 + s1 * s1 + s2 * s2)
    if size > _LONGEST:
        s0, s1, s2 = s0 * _LONGEST / size, s1 * _LONGEST / size, s2 * _LONGEST / size
    return s0, s1, s2


@parallel
def invert(u, v, iterations, tolerance, residual):
    """Improve ``v (3, I, J, K)`` towards ``v = -u(id + v)``; ``residual`` is what is left.

    ``v`` may live on a finer grid of the same extent; each is in voxels of its own.
    """
    _, n0, n1, n2 = u.shape
    size = residual.shape
    a0, a1, a2 = size[0] / n0, size[1] / n1, size[2] / n2
    for i in prange(size[0]):
        for j in range(size[1]):
            for k in range(size[2]):
                v0, v1, v2 = v[0, i, j, k] / a0, v[1, i, j, k] / a1, v[2, i, j, k] / a2
                p, q, r = (
                    nested_position(i, size[0], n0),
                    nested_position(j, size[1], n1),
                    nested_position(k, size[2], n2),
                )
                best, b0, b1, b2 = np.inf, v0, v1, v2
                for _ in range(iterations):
                    x, X, fx, sx = cell(p + v0, n0)
                    y, Y, fy, sy = cell(q + v1, n1)
                    z, Z, fz, sz = cell(r + v2, n2)
                    r0 = v0 + lerp8(u, 0, x, X, y, Y, z, Z, fx, fy, fz)
                    r1 = v1 + lerp8(u, 1, x, X, y, Y, z, Z, fx, fy, fz)
                    r2 = v2 + lerp8(u, 2, x, X, y, Y, z, Z, fx, fy, fz)
                    error = np.sqrt(r0 * r0 + r1 * r1 + r2 * r2)
                    if error < best:
                        best, b0, b1, b2 = error, v0, v1, v2
                        if error < tolerance:
                            break
                        a, b, c = slope8(u, 0, x, X, y, Y, z, Z, fx, fy, fz)
                        d, e, f = slope8(u, 1, x, X, y, Y, z, Z, fx, fy, fz)
                        g, h, m = slope8(u, 2, x, X, y, Y, z, Z, fx, fy, fz)
                        s0, s1, s2 = _newton(
                            1 + a * sx, b * sy, c * sz,
                            d * sx, 1 + e * sy, f * sz,
                            g * sx, h * sy, 1 + m * sz,
                            r0, r1, r2,
                        )  # fmt: skip
                        v0, v1, v2 = v0 - s0, v1 - s1, v2 - s2
                    else:
                        v0, v1, v2 = (v0 + b0) / 2, (v1 + b1) / 2, (v2 + b2) / 2
                v[0, i, j, k], v[1, i, j, k], v[2, i, j, k] = a0 * b0, a1 * b1, a2 * b2
                residual[i, j, k] = best
