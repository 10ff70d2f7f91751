"""Compiled loops: cubic B-splines at points, and points carried along a velocity."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from regkit.kernels.cpu.jit import inline, parallel


@inline
def _weights(f: Any, w: Any, d: Any) -> None:
    """The four cubic B-splines at a share ``f`` of a cell, and their slopes."""
    g = 1.0 - f
    w[0] = g * g * g / 6.0
    w[1] = 2.0 / 3.0 - 0.5 * f * f * (2.0 - f)
    w[2] = 2.0 / 3.0 - 0.5 * g * g * (2.0 - g)
    w[3] = f * f * f / 6.0
    d[0] = -0.5 * g * g
    d[1] = 0.5 * f * (3.0 * f - 4.0)
    d[2] = -0.5 * g * (3.0 * g - 4.0)
    d[3] = 0.5 * f * f


@inline
def _neighbour(i: Any, n: Any) -> Any:
    """Index ``i`` mirrored about the first and the last of ``n``."""
    last = max(n - 1, 1)
    i = abs(i) % (2 * last)
    return min(2 * last - i if i > last else i, n - 1)


@inline
def _support(p: Any, n: Any, at: Any, w: Any, d: Any) -> None:
    """The four coefficients that count along an axis at ``p``, and what each counts."""
    low = int(np.floor(p))
    _weights(p - low, w, d)
    for k in range(4):
        at[k] = _neighbour(low - 1 + k, n)


@parallel
def spline_values(coefficients: Any, points: Any, out: Any) -> None:
    """Evaluate a spline at points; it is 0 half a voxel beyond the rim.

    Parameters
    ----------
    coefficients
        ``(i, j, k)``, of cubic B-splines.
    points
        ``(N, 3)``, in voxels of the coefficients.
    out
        ``(N,)``: where the values go.
    """
    shape = coefficients.shape
    for row in prange(len(points)):
        at, w, d = np.empty((3, 4), np.int64), np.empty((3, 4)), np.empty((3, 4))
        inside = True
        for axis in range(3):
            inside &= -0.5 <= points[row, axis] < shape[axis] - 0.5
        total = 0.0
        if inside:
            for axis in range(3):
                _support(points[row, axis], shape[axis], at[axis], w[axis], d[axis])
            for a in range(4):
                for b in range(4):
                    share = w[0, a] * w[1, b]
                    for c in range(4):
                        total += share * w[2, c] * coefficients[at[0, a], at[1, b], at[2, c]]
        out[row] = total


@parallel
def spline_warp(coefficients: Any, u: Any, weight: Any, out: Any, slopes: Any) -> None:
    """Evaluate a spline and its slopes at ``x + u(x)`` for every voxel ``x`` that has a weight.

    Beyond the rim the image is mirrored.

    Parameters
    ----------
    coefficients
        ``(i, j, k)``, of cubic B-splines.
    u
        ``(3, i, j, k)``, in voxels.
    weight
        ``(i, j, k)``; where it is 0 the results are.
    out, slopes
        Where the values go, ``(i, j, k)``, and their slopes per voxel, ``(3, i, j, k)``.
    """
    shape = coefficients.shape
    for i in prange(shape[0]):
        at, w, d = np.empty((3, 4), np.int64), np.empty((3, 4)), np.empty((3, 4))
        for j in range(shape[1]):
            for k in range(shape[2]):
                value = first = second = third = 0.0
                if weight[i, j, k] > 0:
                    _support(i + u[0, i, j, k], shape[0], at[0], w[0], d[0])
                    _support(j + u[1, i, j, k], shape[1], at[1], w[1], d[1])
                    _support(k + u[2, i, j, k], shape[2], at[2], w[2], d[2])
                    for a in range(4):
                        for b in range(4):
                            row = along = 0.0
                            for c in range(4):
                                one = coefficients[at[0, a], at[1, b], at[2, c]]
                                row += w[2, c] * one
                                along += d[2, c] * one
                            value += w[0, a] * w[1, b] * row
                            first += d[0, a] * w[1, b] * row
                            second += w[0, a] * d[1, b] * row
                            third += w[0, a] * w[1, b] * along
                out[i, j, k] = value
                slopes[0, i, j, k] = first
                slopes[1, i, j, k] = second
                slopes[2, i, j, k] = third


@inline
def _velocity(coefficients: Any, x: Any, w: Any, d: Any, v: Any) -> Any:
    """The velocity at ``x`` into ``v``; its divergence is returned. At the rim: none."""
    v[0] = v[1] = v[2] = 0.0
    i, j, k = int(np.floor(x[0])) - 1, int(np.floor(x[1])) - 1, int(np.floor(x[2])) - 1
    shape = coefficients.shape
    if min(i, j, k) < 0 or i + 3 >= shape[0] or j + 3 >= shape[1] or k + 3 >= shape[2]:
        return 0.0
    _weights(x[0] - i - 1, w[0], d[0])
    _weights(x[1] - j - 1, w[1], d[1])
    _weights(x[2] - k - 1, w[2], d[2])
    divergence = 0.0
    for a in range(4):
        for b in range(4):
            one = two = three = slope = 0.0
            for c in range(4):
                share, third = w[2, c], coefficients[i + a, j + b, k + c, 2]
                one += share * coefficients[i + a, j + b, k + c, 0]
                two += share * coefficients[i + a, j + b, k + c, 1]
                three += share * third
                slope += d[2, c] * third
            share = w[0, a] * w[1, b]
            v[0] += share * one
            v[1] += share * two
            v[2] += share * three
            divergence += d[0, a] * w[1, b] * one + w[0, a] * d[1, b] * two + share * slope
    return divergence


@parallel
def carry(coefficients: Any, points: Any, time: Any, steps: Any, growth: Any) -> None:
    """Carry ``points (N, 3)`` along a velocity for a ``time``, by Runge and Kutta's fourth order.

    What the divergence comes to on the way is the logarithm of the Jacobian determinant of where
    the points went (Liouville).

    Parameters
    ----------
    coefficients
        ``(i, j, k, 3)``, of the velocity, in voxels of its lattice per unit of time.
    points
        ``(N, 3)``, in voxels of the lattice; they become where they went.
    time
        For which they go.
    steps
        In which it is cut.
    growth
        ``(N,)``, to which the logarithm is added.
    """
    step = time / steps
    for row in prange(len(points)):
        w, d = np.empty((3, 4)), np.empty((3, 4))
        x, y, v, moved = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
        for axis in range(3):
            x[axis] = points[row, axis]
        total = 0.0
        for _ in range(steps):
            for axis in range(3):
                y[axis] = x[axis]
                moved[axis] = 0.0
            for stage in range(4):
                share = 1.0 if stage in (0, 3) else 2.0
                total += share * step / 6.0 * _velocity(coefficients, y, w, d, v)
                ahead = 0.5 if stage < 2 else 1.0
                for axis in range(3):
                    moved[axis] += share * v[axis]
                    y[axis] = x[axis] + ahead * step * v[axis]
            for axis in range(3):
                x[axis] += step / 6.0 * moved[axis]
        for axis in range(3):
            points[row, axis] = x[axis]
        growth[row] += total
