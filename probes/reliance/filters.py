"""Suppressors of texture: filters that remove fine detail, most of them without moving edges.

Lengths are shares of the shorter side of an image, amplitudes shares of the span of a band, so that
the same strength means the same at 28 pixels and at 1024, in Hounsfield units and in reflectances.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import exp

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from probes.images.batch import Batch
from probes.reliance.patches import mirror_places

# The reference has (d, sigmaColor) = (4, 50), (6, 80), ... (14, 200) and sigmaSpace = 75, in
# 8-bit values summed over three bands, at 224 pixels.
_SIDE, _VALUES, _SPACE = 224, 765.0, 75.0
_TEMPLATE, _SEARCH = 15, 21  # of non-local means, at 224 pixels


def gaussian_blur(batch: Batch, strength: float, generator: Generator) -> Batch:
    """Blur by a Gaussian, cut off at three standard deviations.

    Parameters
    ----------
    batch
        Images.
    strength
        The standard deviation, as a share of the shorter side.
    generator
        Not used.
    """
    sigma = strength * min(batch.shape)
    radius = round(3 * sigma)
    weights = [exp(-0.5 * (k / sigma) ** 2) for k in range(-radius, radius + 1)]
    total = sum(weights)
    return batch.showing(_separable(batch, [weight / total for weight in weights]))


def median(batch: Batch, strength: float, generator: Generator) -> Batch:
    """Replace every voxel by the median of the square or cube around it.

    Parameters
    ----------
    batch
        Images.
    strength
        Half the edge of the square, as a share of the shorter side.
    generator
        Not used.
    """
    radius = max(1, round(strength * min(batch.shape)))
    return batch.showing(
        torch.cat([_median_of(image, radius) for image in _with_gaps(batch).split(1)])
    )


def bilateral(batch: Batch, strength: float, generator: Generator) -> Batch:
    """Average over neighbours that look alike (Tomasi and Manduchi 1998).

    Parameters
    ----------
    batch
        Images.
    strength
        The standard deviation of differences that count as alike, as a share of the span of a band,
        averaged over bands. The radius grows with it as in the reference: 2 pixels of 224 at 0.065,
        7 at 0.26.
    generator
        Not used.
    """
    shorter = min(batch.shape)
    radius = max(1, round((strength * _VALUES / 30 + 1 / 3) * shorter / _SIDE))
    space = _SPACE * shorter / _SIDE
    images = _continued(batch.images, radius)
    known = None if batch.valid is None else _continued(batch.valid, radius).to(images)
    shares = images / batch.bands.along(batch.bands.span, images)
    total = images.clone() if known is None else images * known
    weight = torch.ones_like(images[:, :1]) if known is None else known.clone()
    for offset in _half_ball(radius, len(batch.shape)):
        here, there = _pair(images.shape[2:], offset)
        apart = (shares[there] - shares[here]).abs_().mean(1, keepdim=True)
        near = -0.5 * sum(o * o for o in offset) / space**2
        alike = apart.square_().mul_(-0.5 / strength**2).add_(near).exp_()
        for at, other in ((here, there), (there, here)):
            counted = alike if known is None else alike * known[other]
            total[at].addcmul_(counted.expand_as(images[other]), images[other])
            weight[at].add_(counted)
    return batch.showing(_inner(total / weight.clamp_min(1e-12), radius, batch.shape))


def guided_filter(batch: Batch, strength: float, generator: Generator) -> Batch:
    """Smooth every band by its own guided filter (He et al. 2013).

    Parameters
    ----------
    batch
        Images.
    strength
        Standard deviation below which detail counts as texture, as a share of the span of a band.
        The radius is as in :func:`bilateral`.
    generator
        Not used.
    """
    radius = max(1, round((strength * _VALUES / 30 + 1 / 3) * min(batch.shape) / _SIDE))
    images = batch.images
    known = torch.ones_like(images[:, :1]) if batch.valid is None else batch.valid.to(images)
    count = window_sum(known, radius).clamp_min(1e-12)
    mean = window_sum(images * known, radius) / count
    variance = (window_sum((images - mean) ** 2 * known, radius) / count).clamp_min(0)
    least = (strength * batch.bands.along(batch.bands.span, images)) ** 2
    slope = variance / (variance + least)
    slopes, means = (
        window_sum(each * known, radius) / count for each in (slope, mean * (1 - slope))
    )
    return batch.showing(slopes * images + means)


def nonlocal_means(batch: Batch, strength: float, generator: Generator) -> Batch:
    """Average over places whose surroundings look alike (Buades et al. 2005).

    Parameters
    ----------
    batch
        Images.
    strength
        Root of the mean square difference of surroundings that count as alike, as a share of the
        span of a band.
    generator
        Not used.
    """
    shorter = min(batch.shape)
    template, search = (max(1, round(edge // 2 * shorter / _SIDE)) for edge in (_TEMPLATE, _SEARCH))
    images = _continued(batch.images, template + search)
    known = None if batch.valid is None else _continued(batch.valid, template + search)
    counted = torch.ones_like(images[:, :1]) if known is None else known.to(images)
    shares = images / batch.bands.along(batch.bands.span, images)
    total, weight = images * counted, counted.clone()
    window = torch.full_like(counted, (2 * template + 1) ** len(batch.shape))
    for offset in _half_square(search, len(batch.shape)):
        here, there = _pair(images.shape[2:], offset)
        apart = (shares[there] - shares[here]).square_().mean(1, keepdim=True)
        size = window[here]
        if known is not None:
            both = counted[here] * counted[there]
            apart, size = apart * both, window_sum(both, template).clamp_min(1)
        alike = (window_sum(apart, template) / (-size * strength**2)).exp_()
        for at, other in ((here, there), (there, here)):
            each = alike * counted[other]
            total[at].addcmul_(each.expand_as(images[other]), images[other])
            weight[at].add_(each)
    found = total / weight.clamp_min(1e-12)
    return batch.showing(_inner(found, template + search, batch.shape))


def window_sum(images: Tensor, radius: int) -> Tensor:
    """Sum over the square or cube around every voxel, cut off at the border.

    Parameters
    ----------
    images
        ``(B, C, *spatial)`` in 2-D or 3-D.
    radius
        Half its edge, in voxels.

    Examples
    --------
    >>> window_sum(torch.ones(1, 1, 1, 4), 1).tolist()
    [[[[2.0, 3.0, 3.0, 2.0]]]]
    """
    for axis in range(2, images.ndim):
        images = _run_sum(images, radius, axis)
    return images


def _run_sum(images: Tensor, radius: int, axis: int) -> Tensor:
    """Sum along one axis, from runs of 1, 2, 4, ... voxels: nothing is taken away again."""
    size, width = images.shape[axis], 2 * radius + 1
    margins = [radius * (axis == images.ndim - 1 - place // 2) for place in range(2 * images.ndim)]
    run, length, first = pad(images, margins), 1, 0
    total = torch.zeros_like(images)
    while length <= width:
        if width & length:
            total += run.narrow(axis, first, size)
            first += length
        count = run.shape[axis] - length
        run = run.narrow(axis, 0, count) + run.narrow(axis, length, count)
        length *= 2
    return total


def _separable(batch: Batch, weights: Sequence[float]) -> Tensor:
    """Convolve along every axis; what has no data counts for nothing."""
    radius = len(weights) // 2
    if batch.valid is None:
        return _convolved(batch.images, weights, radius)
    known = batch.valid.to(batch.images)
    total = _convolved(batch.images * known, weights, radius)
    return total / _convolved(known, weights, radius).clamp_min(1e-12)


def _convolved(images: Tensor, weights: Sequence[float], radius: int) -> Tensor:
    for axis in range(2, images.ndim):
        size = images.shape[axis]
        wide = images.index_select(axis, mirror_places(size, radius, radius))
        images = torch.zeros_like(images)
        for number, weight in enumerate(weights):
            images.add_(wide.narrow(axis, number, size), alpha=weight)
    return images


def _with_gaps(batch: Batch) -> Tensor:
    """Images whose missing voxels are NaN, which medians leave out."""
    if batch.valid is None:
        return batch.images
    return batch.images.masked_fill(~batch.valid, float("nan"))


def _median_of(image: Tensor, radius: int) -> Tensor:
    windows = image
    for axis, size in enumerate(image.shape[2:], start=2):
        places = torch.arange(-radius, size + radius).clamp(0, size - 1)
        windows = windows.index_select(axis, places).unfold(axis, 2 * radius + 1, 1)
    rows = windows.reshape(*image.shape, -1)
    if bool(image.isnan().any()):
        return rows.nanmedian(-1).values
    middle = rows.shape[-1] // 2
    return torch.from_numpy(np.partition(rows.numpy(), middle, axis=-1)[..., middle].copy())


def _continued(images: Tensor, radius: int) -> Tensor:
    """Images with ``radius`` voxels more on every side, by their mirror image."""
    for axis, size in enumerate(images.shape[2:], start=2):
        images = images.index_select(axis, mirror_places(size, radius, radius))
    return images


def _inner(images: Tensor, radius: int, shape: Sequence[int]) -> Tensor:
    return images[_at([radius] * len(shape), shape)]


def _at(first: Sequence[int], shape: Sequence[int]) -> tuple[slice, ...]:
    inner = (slice(start, start + size) for start, size in zip(first, shape, strict=True))
    return (slice(None), slice(None), *inner)


def _pair(
    shape: Sequence[int], offset: Sequence[int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where voxels are that have a neighbour at ``offset``, and where the neighbours are."""
    sizes = [size - abs(o) for size, o in zip(shape, offset, strict=True)]
    return _at([max(0, -o) for o in offset], sizes), _at([max(0, o) for o in offset], sizes)


def _half_ball(radius: int, ndim: int) -> Iterator[tuple[int, ...]]:
    """Offsets within a ball, one of each two that are opposite."""
    return (o for o in _half_square(radius, ndim) if sum(each * each for each in o) <= radius**2)


def _half_square(radius: int, ndim: int) -> Iterator[tuple[int, ...]]:
    nothing = (0,) * ndim
    return (o for o in product(range(-radius, radius + 1), repeat=ndim) if o > nothing)
