"""Noise from repeated images: what changes from one frame to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from denoise.noise.highpass import diagonal_details, robust_sd

_HIGHEST, _LOWEST = 0.9, 0.1
_ALIKE = 1.5  # times what noise alone would leave


def noise_of_repeats(frames: Sequence[Tensor], mask: Tensor) -> tuple[float, tuple[float, ...]]:
    """Estimate sigma, and the correlation of neighbouring voxels along each axis.

    By differences of consecutive frames, in which anatomy cancels; what moves counts as outlier.

    Parameters
    ----------
    frames
        ``(*spatial)`` each, of one scene.
    mask
        Where to look.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> noise = [correlate_noise(torch.randn(30, 30, 20, generator=generator), (0.8, 0.0, 0.0))
    ...          for _ in range(3)]
    >>> sigma, along = noise_of_repeats([5 + 2 * n for n in noise], torch.ones(30, 30, 20).bool())
    >>> abs(sigma - 2) < 0.1, abs(along[0] - math.exp(-1 / (4 * 0.8**2))) < 0.05
    (True, True)
    """
    apart = [b - a for a, b in pairwise(frames)]
    sigma = robust_sd(torch.cat([each[mask] for each in apart])) / math.sqrt(2)
    along = [_correlation(apart, mask, axis, sigma) for axis in range(mask.ndim)]
    return sigma, tuple(along)


def are_repeats(
    frames: Sequence[Tensor], mask: Tensor, sigma: float, along: Sequence[float]
) -> bool:
    """Tell whether frames differ by noise alone, and not by what a scene is made of.

    Noise that is correlated along each axis is left by differences along all axes at once with the
    product of (1 - correlation) of its variance. Anatomy that changes from frame to frame seems to
    be correlated along all of them, and leaves more.

    Parameters
    ----------
    frames, mask
        As there.
    sigma, along
        What :func:`noise_of_repeats` says of them.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> frames = [torch.randn(30, 30, 20, generator=generator) for _ in range(4)]
    >>> everywhere = torch.ones(30, 30, 20).bool()
    >>> are_repeats(frames, everywhere, *noise_of_repeats(frames, everywhere))
    True
    >>> slope = torch.linspace(-2, 2, 30)[:, None, None]
    >>> frames = [frame + n * slope for n, frame in enumerate(frames)]
    >>> are_repeats(frames, everywhere, *noise_of_repeats(frames, everywhere))
    False
    """
    inside = mask[tuple(slice(min(1, n - 1), None) for n in mask.shape)]
    details = [diagonal_details(b - a)[inside] for a, b in pairwise(frames)]
    left = robust_sd(torch.cat(details)) ** 2 / 2
    return left <= _ALIKE * sigma**2 * math.prod(1 - max(r, 0.0) for r in along)


def blur_of(correlation: Sequence[float]) -> tuple[float, ...]:
    """Find the Gaussian, by its standard deviations in voxels, that correlates white noise so.

    Below a correlation of 0.1 noise counts as white.

    Examples
    --------
    >>> [round(s, 2) for s in blur_of((0.0, 0.5, 0.7))]
    [0.0, 0.6, 0.84]
    """
    return tuple(
        0.0 if r < _LOWEST else math.sqrt(-1 / (4 * math.log(min(r, _HIGHEST))))
        for r in correlation
    )


def correlate_noise(white: Tensor, blur: Sequence[float]) -> Tensor:
    """Blur white noise ``(..., *spatial)`` by a Gaussian and keep its variance.

    Examples
    --------
    >>> white = torch.randn(40, 40, 40, generator=torch.Generator().manual_seed(0))
    >>> bool((correlate_noise(white, (0.8, 0.5, 0.0)).std() - 1).abs() < 0.05)
    True
    """
    if not any(blur):
        return white
    widths = [0.0] * (white.ndim - len(blur)) + list(blur)
    smooth = gaussian_filter(white.cpu().numpy(), widths, mode="wrap")
    return torch.from_numpy(smooth / math.sqrt(math.prod(map(_kept, blur)))).to(white)


def correlation_of(blur: float, lag: Tensor) -> Tensor:
    """Return how voxels at a distance ``lag`` correlate in white noise under that Gaussian.

    Examples
    --------
    >>> correlation_of(0.0, torch.arange(3))
    tensor([1., 0., 0.])
    >>> round(float(correlation_of(0.6, torch.tensor(1))), 2)
    0.5
    """
    if not blur:
        return (lag == 0).float()
    return torch.exp(-lag.float().square() / (4 * blur**2))


def _kept(sd: float) -> float:
    """Variance that a sampled Gaussian of that width leaves of white noise."""
    if not sd:
        return 1.0
    reach = range(-int(4 * sd + 0.5), int(4 * sd + 0.5) + 1)
    weights = [math.exp(-(x**2) / (2 * sd**2)) for x in reach]
    return sum(w**2 for w in weights) / sum(weights) ** 2


def _correlation(apart: Sequence[Tensor], mask: Tensor, axis: int, sigma: float) -> float:
    size = mask.shape[axis]
    if size < 2 or sigma == 0:
        return 0.0
    both = mask.narrow(axis, 1, size - 1) & mask.narrow(axis, 0, size - 1)
    steps = [(d.narrow(axis, 1, size - 1) - d.narrow(axis, 0, size - 1))[both] for d in apart]
    return 1 - (robust_sd(torch.cat(steps)) / (2 * sigma)) ** 2
