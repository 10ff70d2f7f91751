"""Series: what the frames of a 4-D image tell of each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from denoise.local_pca import shrink_across_frames
from regkit.runs import OnProgress, ignore

FEWEST = 4
# Changes are measured over a Gaussian of so many voxels, which averages some 350 of them in a
# volume: what exceeds the noise by this share is no chance.
_WIDTH, _CHANCE = 2.0, 0.05
# How much worse a change that is lost counts than noise that stays.
_CAUTION = 4.0


def fuse_frames(
    noisy: Sequence[Tensor],
    denoised: Sequence[Tensor],
    masks: Sequence[Tensor],
    sigma: float,
    risk: float,
    on_progress: OnProgress = ignore,
) -> list[Tensor]:
    """Join each denoised frame with the mean of the others, by how sure the two are.

    First the denoised frames lose what is noise by :func:`denoise.local_pca.shrink_across_frames`.

    The mean of the others is wrong by what changes from frame to frame, which the noisy frames
    tell place by place, and by its own noise; the denoised frame is wrong by ``risk``. They are
    weighed by the inverse of these variances, as two measurements of one thing, but that changes
    count four times: a place where frames differ, by the direction of diffusion or a contrast agent
    that arrives, stays almost its own.

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
    on_progress
        Called as the work goes on; ``stage`` is ``joining``.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> clean = torch.arange(1728.0).reshape(12, 12, 12) / 100
    >>> frames = [clean + torch.randn(clean.shape, generator=generator) for _ in range(9)]
    >>> together = fuse_frames(frames, frames, [clean > -1] * 9, 1.0, 1.0)
    >>> bool(((together[0] - clean).std() - 1 / 3).abs() < 0.03)
    True
    """
    total, count = torch.stack(list(noisy)).sum(0), len(noisy)
    others = [_fitted((total - each) / (count - 1), each, mask)
              for each, mask in zip(noisy, masks, strict=True)]  # fmt: skip
    apart = [(each - other).square() for each, other in zip(noisy, others, strict=True)]
    usual = sigma**2 * count / (count - 1)
    changes = (_around(apart, masks) - (1 + _CHANCE) * usual).clamp_min(0)
    unsure = _CAUTION * changes + sigma**2 / (count - 1)
    own = unsure / (unsure + max(risk, 0.0) * sigma**2)
    kept = shrink_across_frames(noisy, denoised, masks, sigma, risk, on_progress)
    return [other.lerp(clean, own) for other, clean in zip(others, kept, strict=True)]


def _fitted(other: Tensor, frame: Tensor, mask: Tensor) -> Tensor:
    """``other`` times a number plus a number, as near to ``frame`` as may be: one brightness."""
    x, y = other[mask].double(), frame[mask].double()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum().clamp_min(1e-12)
    return float(slope) * (other - float(x.mean())) + float(y.mean())


def _around(apart: Sequence[Tensor], masks: Sequence[Tensor]) -> Tensor:
    """The mean of all frames around each voxel, of what lies inside their masks."""
    inside = torch.stack(list(masks)).float()
    total = (torch.stack(list(apart)) * inside).sum(0).numpy()
    weight = gaussian_filter(inside.sum(0).numpy(), _WIDTH)
    return torch.from_numpy(gaussian_filter(total, _WIDTH) / np.maximum(weight, 1e-6))
