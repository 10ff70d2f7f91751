"""Sigma of magnitude images from their empty background, where no anatomy disturbs it."""

from __future__ import annotations

import math

import torch
from scipy.ndimage import uniform_filter
from torch import Tensor

# A magnitude without signal has mean 1.253 sigma; the mean of a window of 125 varies by 0.06.
_WINDOW, _LOW, _HIGH = 5, 1.05, 1.45
_FEWEST, _ITERATIONS = 1000, 5


def background_sigma(image: Tensor, mask: Tensor | None, sigma: float) -> float:
    """Estimate sigma by the mean square of voxels whose surroundings have no signal.

    Parameters
    ----------
    image
        Magnitudes ``(*spatial)``.
    mask
        Where to look.
    sigma
        A first guess; it is returned where there is too little background.

    Examples
    --------
    >>> noise = torch.randn(2, 30, 30, 30, generator=torch.Generator().manual_seed(0))
    >>> abs(background_sigma(4 * noise.norm(dim=0), None, 3.8) - 4) < 0.05
    True
    """
    size = [min(_WINDOW, n) for n in image.shape]
    local = torch.from_numpy(uniform_filter(image.numpy(), size, mode="nearest"))
    inside = torch.ones_like(image, dtype=torch.bool)
    if mask is not None:
        share = uniform_filter(mask.float().numpy(), size, mode="constant")
        inside = torch.from_numpy(share > 1 - 1e-3)
    for _ in range(_ITERATIONS):
        empty = inside & (local > _LOW * sigma) & (local < _HIGH * sigma)
        if int(empty.sum()) < _FEWEST:
            return sigma
        sigma = math.sqrt(float(image[empty].double().square().mean()) / 2)
    return sigma
