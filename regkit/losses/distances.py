"""Distances of feature maps: where, and by how much, two of them differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from regkit.errors import InputError
from regkit.kernels.smoothing import gaussian_taps

DistanceName = Literal["lncc", "lncc2", "cosine", "l1", "l2", "ncc"]
Distance = Callable[[Tensor, Tensor, Tensor], Tensor]
_FLAT = 1e-4  # share of a channel's variance below which a window counts as flat


def distance_of(name: str, sigma: float) -> Distance:
    """Return the distance called ``name``; ``sigma`` is of LNCC's windows, in pixels of the maps.

    A distance takes maps ``(N, C, *spatial)`` of fixed and warped and a weight
    ``(N, 1, *spatial)``, and gives ``(N, 1, *spatial)``.

    Raises
    ------
    InputError
        If there is none of that name.

    Examples
    --------
    >>> maps, weight = torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8)
    >>> float(distance_of("l1", 0)(maps, maps, weight).max())
    0.0
    """
    table: dict[str, Distance] = {
        "lncc": lambda f, w, m: 1 - feature_correlation(f, w, m, sigma).mean(1, keepdim=True),
        "lncc2": lambda f, w, m: 1 - feature_correlation(f, w, m, sigma).square().mean(1, True),
        "cosine": cosine_distance,
        "l1": lambda fixed, warped, _: (fixed - warped).abs().mean(1, keepdim=True),
        "l2": lambda fixed, warped, _: (fixed - warped).square().mean(1, keepdim=True),
        "ncc": correlation_distance,
    }
    if name not in table:
        raise InputError(f"distance {name!r} does not exist; allowed: {', '.join(table)}")
    return table[name]


def feature_correlation(fixed: Tensor, warped: Tensor, weight: Tensor, sigma: float) -> Tensor:
    """Correlate the channels of two images in Gaussian windows.

    Statistics of a window are of what has weight; one in which a channel is flat counts as not
    correlated, in DGIR's form ``cov / sqrt((var_f + eps) (var_w + eps))``. Unlike there, ``eps``
    is a share of each image's variance of the channel, so that none counts for its scale.

    Parameters
    ----------
    fixed, warped
        Feature maps ``(N, C, *spatial)``.
    weight
        ``(N, 1, *spatial)``: how much each pixel counts.
    sigma
        Standard deviation of the windows, in pixels of the maps.

    Returns
    -------
    Tensor
        ``(N, C, *spatial)``, -1 to 1.
    """
    count = _blurred(weight, sigma).clamp(min=1e-6)

    def mean(maps: Tensor) -> Tensor:
        return _blurred(maps * weight, sigma) / count

    # Centred, so that a large offset does not drown the variance in rounding.
    a, b = fixed - _average(fixed, weight), warped - _average(warped, weight)
    mean_a, mean_b = mean(a), mean(b)
    var_a = (mean(a.square()) - mean_a.square()).clamp(min=0)
    var_b = (mean(b.square()) - mean_b.square()).clamp(min=0)
    cov = mean(a * b) - mean_a * mean_b
    flat_a, flat_b = _flat(a, weight), _flat(b, weight)
    return cov / ((var_a + flat_a) * (var_b + flat_b)).sqrt()


def cosine_distance(fixed: Tensor, warped: Tensor, weight: Tensor) -> Tensor:
    """Return ``1 - cos`` of the angle between the channels of every pixel.

    Parameters
    ----------
    fixed, warped
        Feature maps ``(N, C, *spatial)``.
    weight
        Not used: a pixel is compared by itself.

    Returns
    -------
    Tensor
        ``(N, 1, *spatial)``, 0 to 2.
    """
    return 1 - functional.cosine_similarity(fixed, warped, dim=1, eps=1e-6)[:, None]


def correlation_distance(fixed: Tensor, warped: Tensor, weight: Tensor) -> Tensor:
    """Return ``1 - ncc``, the mean over channels, each correlated over all that has weight.

    Parameters
    ----------
    fixed, warped
        Feature maps ``(N, C, *spatial)``.
    weight
        ``(N, 1, *spatial)``: how much each pixel counts.

    Returns
    -------
    Tensor
        ``(N, 1, *spatial)``, one value for all pixels of an image, 0 to 2.
    """
    a, b = fixed - _average(fixed, weight), warped - _average(warped, weight)
    scale_a, scale_b = _average(a.square(), weight), _average(b.square(), weight)
    scale = (scale_a + _flat(a, weight)) * (scale_b + _flat(b, weight))
    ncc = _average(a * b, weight) / scale.sqrt()
    return (1 - ncc.mean(1, keepdim=True)).expand_as(weight)


def _flat(centred: Tensor, weight: Tensor) -> Tensor:
    """Return the variance below which a window of a channel counts as flat."""
    return _FLAT * _average(centred.square(), weight) + 1e-12


def _average(maps: Tensor, weight: Tensor) -> Tensor:
    axes = tuple(range(2, maps.ndim))
    total = weight.sum(axes, keepdim=True).clamp(min=1e-6)
    return (maps * weight).sum(axes, keepdim=True) / total


def _blurred(maps: Tensor, sigma: float) -> Tensor:
    """Smooth by a Gaussian along every spatial axis, with zeros beyond the border."""
    taps = gaussian_taps(sigma)
    for axis in range(2, maps.ndim):
        size = maps.shape[axis]
        if size > 1:
            # On a CPU five times as quick as a convolution: maps are small and of many channels.
            band = _band(taps, size).to(maps)
            maps = (maps.movedim(axis, -1) @ band).movedim(-1, axis)
    return maps


def _band(taps: Sequence[float], size: int) -> Tensor:
    """Return the symmetric matrix ``(size, size)`` that convolves a line with ``taps``."""
    half = len(taps) // 2
    far = torch.zeros(max(size, half + 1), dtype=torch.float64)
    far[: half + 1] = torch.tensor(taps[half:], dtype=torch.float64)
    index = torch.arange(size)
    return far[(index[:, None] - index).abs()]
