"""How noisy an image is, from the image alone."""

from __future__ import annotations

import torch
from torch import Tensor

_SHARE = 0.25  # of the smallest differences, which edges and texture hardly reach
_QUANTILE = 0.3186  # of the absolute value of a standard normal number, at that share


def noise_sigma(image: Tensor) -> float:
    """Estimate the standard deviation of white noise from the finest details of an image.

    Differences of neighbours along every axis at once hardly know edges. The lower quartile of
    their size over the brighter half tells, since a dark background may have no noise at all (after
    Donoho and Johnstone, Biometrika 81(3), 1994, who take the median, with Haar's wavelet). Texture
    everywhere counts as noise; noise that a filter has smoothed is underestimated.

    Parameters
    ----------
    image
        ``(*spatial)``; axes of one voxel are left alone.

    Returns
    -------
    float
        In the units of the image; 0 where nothing is brighter than the mean.

    Examples
    --------
    >>> import torch
    >>> noise = torch.randn(32, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> abs(noise_sigma(100 + 3 * noise) - 3) < 0.3
    True
    """
    detail = mean = image
    for axis in (axis for axis, size in enumerate(image.shape) if size > 1):
        first, second = _neighbours(detail, axis)
        detail = (first - second) / 2**0.5
        first, second = _neighbours(mean, axis)
        mean = (first + second) / 2
    shown = detail[mean > mean.mean()].abs()
    return float(shown.quantile(_SHARE)) / _QUANTILE if len(shown) else 0.0


def _neighbours(image: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Every first and every second voxel along an axis, in as many pairs as there are."""
    pairs = image.shape[axis] // 2
    first, second = (
        image.index_select(axis, torch.arange(k, 2 * pairs, 2, device=image.device)) for k in (0, 1)
    )
    return first, second
