"""Warp an image through a displacement, and what a step aside does to it.

Everything gathers: a voxel of the result collects what it needs, so no order of additions depends
on who comes first.
"""

from __future__ import annotations

import math

import torch
import triton.language as tl
from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.kernels.gpu.jit import inline, kernel, launch
from regkit.kernels.gpu.trilinear import cell, lerp8, nested_position, quotient, within


def warp_index(image: Tensor, m: Matrix, u: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The twin of :func:`regkit.kernels.warping.warp_index`."""
    image, u, weight = image.contiguous(), u.contiguous(), weight.contiguous()
    out = image.new_empty(len(image), *weight.shape)
    inside = torch.empty_like(weight)
    rows = [float(value) for value in m[:3].ravel()]
    launch(
        _warp, weight, weight.numel(), image, u, weight, out, inside,
        len(image), *image.shape[1:], *u.shape[1:], *weight.shape, *rows,
    )  # fmt: skip
    return out, inside


def displacement_gradient(
    warped: Tensor, known: Tensor, upstream: Tensor, shape: tuple[int, ...]
) -> Tensor:
    """The twin of :func:`regkit.kernels.warping.displacement_gradient`."""
    warped, known, upstream = warped.contiguous(), known.contiguous(), upstream.contiguous()
    force = known.new_empty(3, *known.shape)
    launch(_slopes, known, known.numel(), warped, known, upstream, force, len(warped), *known.shape)
    for axis, size in enumerate(shape, start=1):
        force = _gathered(force, axis, size)
    return force


def _gathered(fine: Tensor, axis: int, size: int) -> Tensor:
    """The adjoint of linear interpolation along one axis, from one of ``size`` voxels."""
    n = fine.shape[axis]
    if n == size:
        return fine
    out = fine.new_empty(*fine.shape[:axis], size, *fine.shape[axis + 1 :])
    inner, reach = math.prod(fine.shape[axis + 1 :]), math.ceil(2 * n / size) + 2
    launch(
        _gather, fine, out[0].numel(),
        fine, out, n, size, inner, reach, fine[0].numel(), out[0].numel(), rows=len(fine),
    )  # fmt: skip
    return out


@kernel
def _warp(
    image, u, weight, out, inside, channels, n0, n1, n2, g0, g1, g2, t0, t1, t2,
    m00, m01, m02, m03, m10, m11, m12, m13, m20, m21, m22, m23, BLOCK: tl.constexpr,
):  # fmt: skip
    """``out(x) = image(m (x + u(x)))`` where ``weight (t0, t1, t2)`` is not 0.

    ``image (channels, n0, n1, n2)``; ``u (3, g0, g1, g2)`` of the same extent, in its own voxels.
    """
    voxels = t0 * t1 * t2
    o = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = o < voxels
    w = tl.load(weight + o, here, 0.0)
    i, j, k = o // (t1 * t2), o // t2 % t1, o % t2
    x, X, fx = cell(nested_position(i, t0, g0), g0)
    y, Y, fy = cell(nested_position(j, t1, g1), g1)
    z, Z, fz = cell(nested_position(k, t2, g2), g2)
    busy = here & (w != 0)
    a = i + quotient(t0, g0) * lerp8(u, g1, g2, x, X, y, Y, z, Z, fx, fy, fz, busy)
    u += g0 * g1 * g2
    b = j + quotient(t1, g1) * lerp8(u, g1, g2, x, X, y, Y, z, Z, fx, fy, fz, busy)
    u += g0 * g1 * g2
    d = k + quotient(t2, g2) * lerp8(u, g1, g2, x, X, y, Y, z, Z, fx, fy, fz, busy)
    p = m00 * a + m01 * b + m02 * d + m03
    q = m10 * a + m11 * b + m12 * d + m13
    r = m20 * a + m21 * b + m22 * d + m23
    busy = busy & within(p, n0) & within(q, n1) & within(r, n2)
    tl.store(inside + o, tl.where(busy, w, 0.0), here)
    x, X, fx = cell(p, n0)
    y, Y, fy = cell(q, n1)
    z, Z, fz = cell(r, n2)
    for _ in range(channels):
        tl.store(out + o, lerp8(image, n1, n2, x, X, y, Y, z, Z, fx, fy, fz, busy), here)
        image += n0 * n1 * n2
        out += voxels


@inline
def _slope(image, value, low, high, step):
    """Mean difference of ``value`` to the two neighbours, those that are there."""
    before = tl.where(low, tl.load(image - step, low, 0.0), value)
    after = tl.where(high, tl.load(image + step, high, 0.0), value)
    return tl.where(low & high, 0.5, 1.0) * (after - before)


@kernel
def _slopes(
    warped, known, upstream, out, channels, n0, n1, n2, BLOCK: tl.constexpr
):  # fmt: skip
    """``upstream grad(warped)`` over the channels, into ``out (3, n0, n1, n2)``."""
    voxels = n0 * n1 * n2
    o = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = o < voxels
    i, j, k = o // (n1 * n2), o // n2 % n1, o % n2
    at = known + o
    busy = here & (tl.load(at, here, 0.0) > 0)
    low0 = tl.load(at - n1 * n2, busy & (i > 0), 0.0) > 0
    low1 = tl.load(at - n2, busy & (j > 0), 0.0) > 0
    low2 = tl.load(at - 1, busy & (k > 0), 0.0) > 0
    high0 = tl.load(at + n1 * n2, busy & (i < n0 - 1), 0.0) > 0
    high1 = tl.load(at + n2, busy & (j < n1 - 1), 0.0) > 0
    high2 = tl.load(at + 1, busy & (k < n2 - 1), 0.0) > 0
    a = tl.zeros([BLOCK], tl.float32)
    b, d = a, a
    for _ in range(channels):
        value = tl.load(warped + o, busy, 0.0)
        up = tl.load(upstream + o, busy, 0.0)
        a += up * _slope(warped + o, value, low0, high0, n1 * n2)
        b += up * _slope(warped + o, value, low1, high1, n2)
        d += up * _slope(warped + o, value, low2, high2, 1)
        warped += voxels
        upstream += voxels
    tl.store(out + o, a, here)
    tl.store(out + voxels + o, b, here)
    tl.store(out + voxels + voxels + o, d, here)


@kernel
def _gather(fine, out, n, g, inner, reach, fine_size, size, BLOCK: tl.constexpr):
    """``fine (3, outer, n, inner)`` to ``out (3, outer, g, inner)``; ``size``: of a component.

    Voxel ``s`` of n lies at ``q`` on the axis of g and gives ``1 - |q - e|`` to voxel ``e``.
    """
    row = tl.program_id(1).to(tl.int64)
    o = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = o < size
    e = o // inner % g
    source = fine + row * fine_size + o // inner // g * n * inner + o % inner
    first = tl.floor((e - 0.5) * quotient(n, g) - 0.5).to(tl.int32)
    total = tl.zeros([BLOCK], tl.float32)
    for t in range(reach):
        s = first + t
        q = tl.minimum(tl.maximum(nested_position(s, n, g), 0.0), g - 1.0)
        share = tl.maximum(1 - tl.abs(q - e), 0.0)
        total += share * tl.load(source + s * inner, here & (s >= 0) & (s < n), 0.0)
    tl.store(out + row * size + o, total, here)
