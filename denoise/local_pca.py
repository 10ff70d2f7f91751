"""Local principal components: what the frames of a series have in common, block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product

import torch
from torch import Tensor

from regkit.runs import OnProgress, Progress, ignore

_BLOCK, _STEP = 8, 4  # voxels along an axis
_LEAST = 2  # voxels of a block for each frame, below which components cannot be told from noise
_STRETCH = 1.25
Block = tuple[slice, ...]


def shrink_across_frames(
    noisy: Sequence[Tensor],
    denoised: Sequence[Tensor],
    masks: Sequence[Tensor],
    sigma: float,
    risk: float,
    on_progress: OnProgress = ignore,
) -> list[Tensor]:
    """Shrink what varies across denoised frames only as noise does.

    In a small block the values of all frames vary along few directions: tissues differ, and each
    has its own course over the frames. Directions along which the noisy frames vary no more than
    noise does (Marchenko and Pastur; Veraart et al., NeuroImage 142, 2016) are dropped, others are
    shrunk as a Wiener filter does. The mean of each frame in a block is that of the noisy one, and
    a direction along which the denoised frames vary too little is stretched to what the noisy ones
    say: contrast between frames is not to fade.

    Parameters
    ----------
    noisy, denoised
        Frames ``(i, j, k)`` on the scale of the network.
    masks
        Where frames have something in them.
    sigma
        Standard deviation of the noise of a frame.
    risk
        Mean squared error of a denoised frame over sigma².
    on_progress
        Called after each block; ``stage`` is ``joining``.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> clean = [n * torch.linspace(0, 1, 16).expand(16, 16, 16) for n in range(8)]
    >>> frames = [c + 0.1 * torch.randn(c.shape, generator=generator) for c in clean]
    >>> everywhere = [torch.ones(16, 16, 16).bool()] * 8
    >>> shrunk = shrink_across_frames(frames, frames, everywhere, 0.1, 1.0)
    >>> bool((shrunk[3] - clean[3]).std() < 0.05)
    True
    """
    seen, out = torch.stack(list(noisy)), torch.stack(list(denoised))
    inside = torch.stack(list(masks)).all(0)
    total, weight = torch.zeros_like(out), torch.zeros_like(out[0])
    blocks = list(_blocks(out.shape[1:]))
    for number, block in enumerate(blocks, start=1):
        here = (slice(None), *block)
        bell, chosen = _bell(out[here].shape[1:]), inside[block]
        total[here] += bell * _shrunk(seen[here], out[here], chosen, sigma**2, max(risk, 0.0))
        weight[block] += bell
        on_progress(Progress("joining", number / len(blocks)))
    return list(total / weight)


def _shrunk(noisy: Tensor, denoised: Tensor, inside: Tensor, noise: float, risk: float) -> Tensor:
    """One block ``(n, *block)``."""
    count, voxels = len(noisy), int(inside.sum())
    if voxels < _LEAST * count:
        return denoised
    values, means = _centred(noisy[:, inside].double())
    variances, axes = torch.linalg.eigh(values @ values.T / (voxels - 1))
    edge = noise * (1 + math.sqrt(count / voxels)) ** 2
    signal = torch.where(variances > edge, variances - noise, 0.0)
    seen, found = axes.T @ values, axes.T @ _centred(denoised[:, inside].double())[0]
    stretch = (seen * found).sum(1) / found.square().sum(1).clamp_min(1e-30)
    gain = stretch.clamp(1, _STRETCH) * signal / (signal + risk * noise + 1e-30)
    out = denoised.clone()
    out[:, inside] = (means + axes @ (gain[:, None] * found)).to(out)
    return out


def _centred(values: Tensor) -> tuple[Tensor, Tensor]:
    """Values ``(n, voxels)`` without the mean of each row, and the means."""
    means = values.mean(1, keepdim=True)
    return values - means, means


def _blocks(shape: Sequence[int]) -> Iterator[Block]:
    """Blocks that overlap by half and reach all ends."""
    starts = [sorted({*range(0, max(1, n - _BLOCK + 1), _STEP), max(0, n - _BLOCK)}) for n in shape]
    for corner in product(*starts):
        yield tuple(slice(start, start + _BLOCK) for start in corner)


def _bell(shape: Sequence[int]) -> Tensor:
    """Weights that fall towards the rim of a block."""
    out = torch.ones(tuple(shape))
    for axis, n in enumerate(shape):
        at = torch.arange(n) + 0.5
        out = out * torch.minimum(at, n - at).reshape([-1 if a == axis else 1 for a in range(3)])
    return out
