"""Separable convolution, one pass an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
import triton.language as tl
from torch import Tensor

from regkit.kernels.gpu.jit import kernel, launch


def convolve(
    image: Tensor, taps: Sequence[tuple[float, ...]], *, zero: bool, spare: bool
) -> Tensor:
    """The twin of :func:`regkit.kernels.smoothing.convolve`."""
    out = image.contiguous()
    for axis, weights in enumerate(taps, start=1):
        if len(weights) > 1:
            out = along(out, axis, weights, zero=zero)
    return out if spare or out is not image else image.clone()


def along(image: Tensor, axis: int, weights: tuple[float, ...], *, zero: bool) -> Tensor:
    """Convolve one axis of ``image (C, *spatial)``, contiguous."""
    out = torch.empty_like(image)
    inner = math.prod(image.shape[axis + 1 :])
    launch(
        _along, image, image[0].numel(),
        image, out, _on(image.device, weights), len(weights), image.shape[axis], inner,
        image[0].numel(), rows=len(image), ZERO=zero,
    )  # fmt: skip
    return out


@lru_cache(maxsize=64)
def _on(device: torch.device, weights: tuple[float, ...]) -> Tensor:
    return torch.tensor(weights, device=device)


@kernel
def _along(image, out, taps, count, n, inner, size, ZERO: tl.constexpr, BLOCK: tl.constexpr):
    """``out (C, outer, n, inner)``; ``size`` is that of a channel."""
    row = tl.program_id(1).to(tl.int64) * size
    o = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = o < size
    p = o // inner % n
    total = tl.zeros([BLOCK], tl.float32)
    for t in range(count):
        s = p + t - count // 2
        if ZERO:
            value = tl.load(image + row + o + (s - p) * inner, here & (s >= 0) & (s < n), 0.0)
        else:
            s = tl.minimum(tl.maximum(s, 0), n - 1)
            value = tl.load(image + row + o + (s - p) * inner, here, 0.0)
        total += tl.load(taps + t) * value
    tl.store(out + row + o, total, here)
