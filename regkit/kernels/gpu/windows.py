"""Local normalised cross-correlation over box windows, value and gradient.

Boxes are summed an axis at a time: the last axis together with the products of the images, the
first one together with what the sums are for.
"""

from __future__ import annotations

import torch
import triton.language as tl
from torch import Tensor

from regkit.kernels.gpu.jit import BLOCK as _BLOCK
from regkit.kernels.gpu.jit import kernel, launch
from regkit.kernels.gpu.smoothing import along
from regkit.kernels.windows import EPSILON, window_weight


def lncc_gradient(
    fixed: Tensor,
    warped: Tensor,
    weight: Tensor,
    radius: int,
    *,
    squared: bool,
    floor: float = EPSILON,
    stride: int = 1,
) -> tuple[float, Tensor]:
    """The twin of :func:`regkit.kernels.windows.lncc_gradient`."""
    images = fixed.contiguous(), warped.contiguous(), weight.contiguous()
    shape, voxels = fixed.shape, fixed.numel()
    of_window = window_weight(images[2], stride)
    box = (1.0,) * (2 * radius + 1)
    sums = fixed.new_empty(6, *shape)
    launch(_moments, fixed, voxels, *images, sums, radius, voxels, shape[2])
    sums = along(sums, 2, box, zero=True)
    coefficients = fixed.new_empty(3, *shape)
    value = fixed.new_empty(-(-voxels // _BLOCK))
    launch(
        _coefficients, fixed, voxels,
        sums, of_window, coefficients, value, radius, floor, *shape, SQUARED=squared,
    )  # fmt: skip
    del sums  # the largest of all: its memory serves what follows
    coefficients = along(along(coefficients, 3, box, zero=True), 2, box, zero=True)
    total = weight.sum(dtype=torch.float64).clamp(min=1e-6)
    out = torch.empty_like(images[1])
    scale = (-1 / total).float()
    launch(_gradient, fixed, voxels, *images, coefficients, scale, out, radius, *shape)
    return 1 - float(value.sum(dtype=torch.float64) / total), out


@kernel
def _moments(fixed, warped, weight, sums, radius, voxels, n2, BLOCK: tl.constexpr):
    """Sums of w, wF, wW, wFF, wWW, wFW over the windows' last axis."""
    o = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = o < voxels
    k = o % n2
    n = tl.zeros([BLOCK], tl.float32)
    sf, sw, sff, sww, sfw = n, n, n, n, n
    for t in range(-radius, radius + 1):
        m = tl.load(weight + o + t, here & (k + t >= 0) & (k + t < n2), 0.0)
        f = tl.load(fixed + o + t, m != 0, 0.0)
        w = tl.load(warped + o + t, m != 0, 0.0)
        n += m
        sf += m * f
        sw += m * w
        sff += m * f * f
        sww += m * w * w
        sfw += m * f * w
    sums += o
    tl.store(sums, n, here)
    tl.store(sums + voxels, sf, here)
    tl.store(sums + voxels + voxels, sw, here)
    sums += voxels.to(tl.int64) * 3
    tl.store(sums, sff, here)
    tl.store(sums + voxels, sww, here)
    tl.store(sums + voxels + voxels, sfw, here)


@kernel
def _coefficients(
    sums, weight, coefficients, value, radius, eps, n0, n1, n2,
    SQUARED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Finish the sums along the first axis; correlate, and say how each window pulls.

    ``weight`` is that of the windows; ``value`` gets the weighted sum of correlations of each
    program.
    """
    voxels = n0 * n1 * n2
    o = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = o < voxels
    m = tl.load(weight + o, here, 0.0)
    i = o // (n1 * n2)
    n = tl.zeros([BLOCK], tl.float32)
    sf, sw, sff, sww, sfw = n, n, n, n, n
    for t in range(-radius, radius + 1):
        there = (m != 0) & (i + t >= 0) & (i + t < n0)
        at = sums + o + t * n1 * n2
        n += tl.load(at, there, 0.0)
        sf += tl.load(at + voxels, there, 0.0)
        sw += tl.load(at + voxels + voxels, there, 0.0)
        at += voxels.to(tl.int64) * 3
        sff += tl.load(at, there, 0.0)
        sww += tl.load(at + voxels, there, 0.0)
        sfw += tl.load(at + voxels + voxels, there, 0.0)
    inv = 1 / tl.maximum(n, 1e-6)
    mean_f, mean_w = sf * inv, sw * inv
    var_f = tl.maximum(sff * inv - mean_f * mean_f, 0.0) + eps
    var_w = tl.maximum(sww * inv - mean_w * mean_w, 0.0) + eps
    cov = sfw * inv - mean_f * mean_w
    if SQUARED:
        slope = cov / (var_f * var_w)
        cc = cov * slope
        slope *= 2
        pull = 2 * cc / var_w
    else:
        slope = 1 / tl.sqrt(var_f * var_w)
        cc = cov * slope
        pull = cc / var_w
    alpha, beta = slope * m * inv, pull * m * inv
    coefficients += o
    tl.store(coefficients, alpha, here)
    tl.store(coefficients + voxels, beta, here)
    tl.store(coefficients + voxels + voxels, beta * mean_w - alpha * mean_f, here)
    tl.store(value + tl.program_id(0), tl.sum(m * cc, 0))


@kernel
def _gradient(
    fixed, warped, weight, coefficients, scale, out, radius, n0, n1, n2, BLOCK: tl.constexpr
):  # fmt: skip
    """``scale * weight * (alpha F - beta W + gamma)``, coefficients summed along the first axis."""
    voxels = n0 * n1 * n2
    o = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = o < voxels
    m = tl.load(weight + o, here, 0.0)
    i = o // (n1 * n2)
    alpha = tl.zeros([BLOCK], tl.float32)
    beta, gamma = alpha, alpha
    for t in range(-radius, radius + 1):
        there = (m != 0) & (i + t >= 0) & (i + t < n0)
        at = coefficients + o + t * n1 * n2
        alpha += tl.load(at, there, 0.0)
        beta += tl.load(at + voxels, there, 0.0)
        gamma += tl.load(at + voxels + voxels, there, 0.0)
    f, w = tl.load(fixed + o, m != 0, 0.0), tl.load(warped + o, m != 0, 0.0)
    tl.store(out + o, tl.load(scale) * m * (alpha * f - beta * w + gamma), here)
