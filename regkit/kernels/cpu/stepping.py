"""Bounded moves with momentum, in two sweeps."""

from __future__ import annotations

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import parallel


@parallel
def mean_square(force, weight, partial):
    """``partial[i]`` gets slice i's sum of ``weight |force|^2`` and of ``weight``."""
    _, n0, n1, n2 = force.shape
    for i in prange(n0):
        square, total = 0.0, 0.0
        for j in range(n1):
            a, b, c, m = force[0, i, j], force[1, i, j], force[2, i, j], weight[i, j]
            part, count = np.float32(0), np.float32(0)
            for k in range(n2):
                part += m[k] * (a[k] * a[k] + b[k] * b[k] + c[k] * c[k])
                count += m[k]
            square += part
            total += count
        partial[i, 0] = square
        partial[i, 1] = total


@parallel
def momentum_step(speed, force, typical, step, momentum):
    """Update ``speed (3, I, J, K)`` in place."""
    _, n0, n1, n2 = force.shape
    for i in prange(n0):
        for j in range(n1):
            a, b, c = force[0, i, j], force[1, i, j], force[2, i, j]
            x, y, z = speed[0, i, j], speed[1, i, j], speed[2, i, j]
            for k in range(n2):
                size = np.sqrt(a[k] * a[k] + b[k] * b[k] + c[k] * c[k])
                share = (1 - momentum) * step / (size + typical)
                x[k] = momentum * x[k] - share * a[k]
                y[k] = momentum * y[k] - share * b[k]
                z[k] = momentum * z[k] - share * c[k]
