"""A Wiener filter on overlapping blocks, guided by what a network has found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor
from torch.nn import functional

from denoise.noise.repeats import correlation_of

_BLOCK, _STEP = 6, 2
_LEAST = 1e-3


def wiener(noisy: Tensor, pilot: Tensor, sigma: float, *, blur: Sequence[float] = ()) -> Tensor:
    """Weigh every block of ``noisy`` by the spectrum of ``pilot``: an empirical Wiener filter.

    In the cosine transform of a block, a coefficient of the noisy image is kept by as much as that
    of the pilot stands above the noise; blocks overlap, and the calmer ones count more. That is
    the last step of BM3D (Dabov et al., IEEE TIP 16, 2007, eq. 8 to 11) without its grouping, with
    a network in place of the first step. What the two do wrong differs: their mean is better than
    either.

    Parameters
    ----------
    noisy, pilot
        ``(i, j, k)``: the image, and an estimate of it without noise.
    sigma
        Standard deviation of the noise.
    blur
        That of correlated noise along each axis, see :func:`denoise.noise.repeats.blur_of`.

    Examples
    --------
    >>> clean = torch.linspace(0, 50, 20)[:, None, None].expand(20, 12, 9)
    >>> noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    >>> bool((wiener(clean + noise, clean, 1.0) - clean).std() < 0.2)
    True
    """
    size = [min(_BLOCK, n) for n in noisy.shape]
    bases = [_cosines(n) for n in size]
    noise = sigma**2 * _spectrum(bases, blur)
    pair = _padded(torch.stack([noisy, pilot]), size)
    total, weights = torch.zeros_like(pair[0]), torch.zeros_like(pair[0])
    for start in range(0, pair.shape[1] - size[0] + 1, _STEP):
        slab = pair[:, start : start + size[0]]
        blocks, weight = _filtered(_blocks(slab, size), bases, noise)
        total[start : start + size[0]] += _laid(blocks * weight, slab.shape[1:], size)
        weights[start : start + size[0]] += _laid(
            weight.expand_as(blocks), slab.shape[1:], size
        )  # fmt: skip
    return (total / weights)[tuple(slice(0, n) for n in noisy.shape)]


def _filtered(blocks: Tensor, bases: list[Tensor], noise: Tensor) -> tuple[Tensor, Tensor]:
    """Blocks ``(i, j, k, n)`` of a pair ``(2, i, j, k, n)``, and how much each counts."""
    noisy, pilot = (_turned(each, bases) for each in blocks)
    kept = pilot.square() / (pilot.square() + noise[..., None])
    weight = 1 / (kept.square() * noise[..., None]).sum((0, 1, 2), keepdim=True).clamp_min(
        _LEAST * float(noise.mean())
    )
    return _turned(kept * noisy, [basis.T for basis in bases]), weight


def _cosines(size: int) -> Tensor:
    """The orthonormal cosine transform as a matrix ``(frequency, place)``."""
    return torch.from_numpy(dct(np.eye(size), norm="ortho", axis=0)).float()


def _spectrum(bases: list[Tensor], blur: Sequence[float]) -> Tensor:
    """Variance ``(i, j, k)`` of every coefficient of noise of variance 1."""
    out = torch.ones(())
    for basis, width in zip(bases, blur or [0.0] * len(bases), strict=True):
        along = torch.arange(len(basis))
        alike = correlation_of(width, (along[:, None] - along[None]).abs())
        out = out[..., None] * (basis @ alike @ basis.T).diagonal()
    return out


def _turned(blocks: Tensor, bases: list[Tensor]) -> Tensor:
    """A linear map along each of the first three axes of ``(i, j, k, n)``."""
    i, j, k = bases
    first = torch.tensordot(i, blocks, dims=1)
    second = torch.tensordot(j, first.movedim(1, 0), dims=1)  # (j, i, k, n)
    third: Tensor = torch.tensordot(k, second.movedim(2, 0), dims=1)  # (k, j, i, n)
    return third.permute(2, 1, 0, 3)


def _padded(pair: Tensor, size: Sequence[int]) -> Tensor:
    """The last voxels repeated until blocks fit."""
    missing = [-(n - s) % _STEP for n, s in zip(pair.shape[1:], size, strict=True)]
    pad = [amount for m in reversed(missing) for amount in (0, m)]
    return functional.pad(pair[None], pad, mode="replicate")[0]


def _blocks(slab: Tensor, size: Sequence[int]) -> Tensor:
    """``(2, i, j, k)`` to all blocks of the last two axes, ``(2, i, bj, bk, n)``."""
    cut = functional.unfold(slab, (size[1], size[2]), stride=_STEP)
    return cut.reshape(2, *size, -1)


def _laid(blocks: Tensor, shape: Sequence[int], size: Sequence[int]) -> Tensor:
    """The sum of blocks where they were cut, ``(i, j, k)``."""
    flat = blocks.reshape(1, -1, blocks.shape[-1])
    laid = functional.fold(flat, tuple(shape[1:]), (size[1], size[2]), stride=_STEP)
    return laid[0]
