"""Series: what the frames of a 4-D image tell of each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from denoise.noise.highpass import robust_sd

FEWEST = 4
# A frame keeps to itself where it differs from the others by more than three times what is usual,
# over a Gaussian of so many voxels.
_WIDTH, _USUAL = 2.0, 9.0


def joined(
    noisy: Sequence[Tensor],
    denoised: Sequence[Tensor],
    masks: Sequence[Tensor],
    sigma: float,
    risk: float,
) -> list[Tensor]:
    """Each denoised frame, joined with the mean of the others by how sure the two are.

    The mean of the others is wrong by what changes from frame to frame, which the noisy frames
    tell, and by its own noise; the denoised frame is wrong by ``risk``. They are weighed by the
    inverse of these variances, as two measurements of one thing. A place where one frame differs
    much more than frames usually do, as where a contrast agent arrives, stays almost its own: a
    change of twelve sigma keeps nine tenths.

    Parameters
    ----------
    noisy, denoised
        Frames ``(i, j, k)`` on the scale of the network.
    masks
        Where changes are measured.
    sigma
        Standard deviation of the noise of a frame.
    risk
        Mean squared error of a denoised frame over sigma².

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> clean = torch.arange(1728.0).reshape(12, 12, 12) / 100
    >>> frames = [clean + torch.randn(clean.shape, generator=generator) for _ in range(9)]
    >>> together = joined(frames, frames, [clean > -1] * 9, 1.0, 1.0)
    >>> bool(((together[0] - clean).std() - 1 / 3).abs() < 0.03)
    True
    """
    total, count = torch.stack(list(noisy)).sum(0), len(noisy)
    others = [_fitted((total - each) / (count - 1), each, mask)
              for each, mask in zip(noisy, masks, strict=True)]  # fmt: skip
    apart = [(each - other).square() for each, other in zip(noisy, others, strict=True)]
    usual = robust_sd(torch.cat([a[m].sqrt() for a, m in zip(apart, masks, strict=True)])) ** 2
    changes = max(0.0, usual - sigma**2 * count / (count - 1))
    unsure = changes + sigma**2 / (count - 1)
    own = unsure / (unsure + max(risk, 0.0) * sigma**2)
    return [
        other.lerp(clean, _own(far, mask, usual).clamp_min(own))
        for other, clean, far, mask in zip(others, denoised, apart, masks, strict=True)
    ]


def _fitted(other: Tensor, frame: Tensor, mask: Tensor) -> Tensor:
    """``other`` times a number plus a number, as near to ``frame`` as may be: one brightness."""
    x, y = other[mask].double(), frame[mask].double()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum().clamp_min(1e-12)
    return float(slope) * (other - float(x.mean())) + float(y.mean())


def _own(apart: Tensor, mask: Tensor, usual: float) -> Tensor:
    """How far a frame is to keep to itself, voxel by voxel: 0 where it differs as is usual."""
    inside = mask.numpy().astype(np.float32)
    weight = np.maximum(gaussian_filter(inside, _WIDTH), 1e-6)
    local = torch.from_numpy(gaussian_filter(apart.numpy() * inside, _WIDTH) / weight)
    return (1 - _USUAL * usual / local.clamp_min(1e-20)).clamp_min(0)
