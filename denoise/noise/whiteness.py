"""Whether noise is independent from voxel to voxel, as self-supervision assumes."""

from __future__ import annotations

import torch
from torch import Tensor

from denoise.noise.highpass import diagonal_details, mark_details, robust_sd


def neighbour_correlation(image: Tensor, mask: Tensor | None = None) -> tuple[float, ...]:
    """Estimate how the noise of neighbouring voxels correlates along each axis.

    Details over one voxel have the variance ``1 - r(1)`` of white noise, details over two
    ``1 - r(2)``; with ``r(2) = r(1)**2``, as interpolation and filters nearly have it, their ratio
    is ``1 + r(1)``. Zero for white noise, up to what anatomy adds (a few hundredths).

    Parameters
    ----------
    image
        ``(*spatial)``, as it was acquired.
    mask
        Where to look, ``(*spatial)``.

    Examples
    --------
    >>> noise = torch.randn(41, 40, 40, generator=torch.Generator().manual_seed(0))
    >>> max(abs(r) for r in neighbour_correlation(noise)) < 0.03
    True
    >>> neighbour_correlation(noise[1:] + noise[:-1])[0] > 0.3
    True
    """
    white = _spread(image, [1] * image.ndim, mask)
    out = []
    for axis, size in enumerate(image.shape):
        lags = [2 if other == axis else 1 for other in range(image.ndim)]
        wide = _spread(image, lags, mask) if size > 2 else white
        out.append((wide / white) ** 2 - 1 if white > 0 else 0.0)
    return tuple(out)


def residual_correlation(residual: Tensor, mask: Tensor) -> tuple[float, ...]:
    """Measure how neighbouring voxels of what was taken away correlate along each axis.

    Near zero if it is white noise; anatomy that was removed with it makes it positive.

    Examples
    --------
    >>> noise = torch.randn(30, 30, generator=torch.Generator().manual_seed(0))
    >>> max(abs(r) for r in residual_correlation(noise, noise == noise)) < 0.1
    True
    """
    inside = mask.bool()
    centred = torch.where(inside, residual - residual[inside].mean(), 0.0)
    variance = centred[inside].square().mean().clamp_min(1e-20)
    out = []
    for axis, size in enumerate(residual.shape):
        if size < 2:
            out.append(0.0)
            continue
        product = centred.narrow(axis, 1, size - 1) * centred.narrow(axis, 0, size - 1)
        both = inside.narrow(axis, 1, size - 1) & inside.narrow(axis, 0, size - 1)
        out.append(float(product[both].mean() / variance) if bool(both.any()) else 0.0)
    return tuple(out)


def _spread(image: Tensor, lags: list[int], mask: Tensor | None) -> float:
    chosen = mark_details(image, lags)
    if mask is not None:
        corner = (slice(min(k, n - 1), None) for k, n in zip(lags, image.shape, strict=True))
        chosen &= mask.bool()[tuple(corner)]
    return robust_sd(diagonal_details(image, lags)[chosen])
