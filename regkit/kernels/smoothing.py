"""Gaussian smoothing, one axis after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from regkit.kernels.backend import loops_apply, with_triton
from regkit.kernels.cpu import loops


def gaussian(
    image: Tensor,
    sigma: Sequence[float] | float,
    *,
    zero: bool = False,
    spare: bool = False,
) -> Tensor:
    """Smooth ``image (C, *spatial)`` with standard deviations ``sigma`` in voxels.

    Parameters
    ----------
    sigma
        One value, or one per axis; axes with less than 0.1, or of one voxel, are left alone.
    zero
        Take zeros beyond the border (displacement fields) instead of the edge value (images).
    spare
        ``image`` is not needed any more: its memory may be used for the result.

    Examples
    --------
    >>> gaussian(torch.ones(1, 5, 5), 1.0).allclose(torch.ones(1, 5, 5))
    True
    """
    ndim = image.ndim - 1
    widths = [float(sigma)] * ndim if isinstance(sigma, int | float) else [float(s) for s in sigma]
    taps = [
        gaussian_taps(width if size > 1 else 0.0)
        for width, size in zip(widths, image.shape[1:], strict=True)
    ]
    return convolve(image, taps, zero=zero, spare=spare)


@lru_cache(maxsize=64)
def gaussian_taps(sigma: float) -> tuple[float, ...]:
    """Return the weights of a sampled Gaussian, cut at three standard deviations, which sum to one.

    ``sigma`` is in voxels; below 0.1 there is one weight only, which changes nothing.
    """
    if sigma < 0.1:
        return (1.0,)
    radius = max(1, math.ceil(3 * sigma))
    raw = [math.exp(-0.5 * (x / sigma) ** 2) for x in range(-radius, radius + 1)]
    return tuple(w / sum(raw) for w in raw)


@with_triton
def convolve(
    image: Tensor, taps: Sequence[tuple[float, ...]], *, zero: bool, spare: bool
) -> Tensor:
    """Convolve an image with one row of weights along each axis.

    Parameters
    ----------
    image
        ``(C, *spatial)``.
    taps
        The weights for each spatial axis, an odd number of them.
    zero
        Take zeros beyond the border instead of the edge value.
    spare
        ``image`` is not needed any more: its memory may be used for the result.

    Returns
    -------
    Tensor
        ``(C, *spatial)``, float64 if ``image`` is, otherwise float32.
    """
    if not loops_apply(image) or image.dtype is torch.float64:
        return gaussian_reference(image, taps, zero=zero)
    source = image.detach().to(torch.float32).contiguous()
    lifted = source[:, None] if len(taps) == 2 else source
    first, second, third = [np.array(t, np.float32) for t in ([(1.0,)] * (3 - len(taps)) + [*taps])]
    out = lifted if spare else torch.empty_like(lifted)
    loops.along_first(lifted.numpy(), first, zero, out.numpy())
    loops.along_others(out.numpy(), second, third, zero, out.numpy())
    return out.reshape(image.shape)


def gaussian_reference(
    image: Tensor, taps: Sequence[tuple[float, ...]], *, zero: bool = False
) -> Tensor:
    """Convolve an image with one row of weights along each axis, in differentiable PyTorch.

    Parameters
    ----------
    image
        ``(C, *spatial)``.
    taps
        The weights for each spatial axis, an odd number of them.
    zero
        Take zeros beyond the border instead of the edge value.

    Returns
    -------
    Tensor
        ``(C, *spatial)``, float64 if ``image`` is, otherwise float32.
    """
    out = image if image.dtype is torch.float64 else image.to(torch.float32)
    for axis, weights in enumerate(taps, start=1):
        radius = len(weights) // 2
        rows = out.movedim(axis, -1)
        flat = rows.reshape(-1, 1, rows.shape[-1])
        padded = functional.pad(flat, (radius, radius), mode="constant" if zero else "replicate")
        kernel = flat.new_tensor(weights).reshape(1, 1, -1)
        out = functional.conv1d(padded, kernel).reshape(rows.shape).movedim(-1, axis)
    return out
