"""Suppressors of texture: filters that remove fine detail, most of them without moving edges.

Lengths are shares of the shorter side of an image, amplitudes shares of the span of a band, so that
the same strength means the same at 28 pixels and at 1024, in Hounsfield units and in reflectances.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from probes.images.batch import Batch
from probes.reliance.averages import SIDE, VALUES
from probes.reliance.patches import mirror_places

_PARTS = 256  # of which a weight of OpenCV is a whole number


def gaussian_blur(batch: Batch, strength: float, generator: Generator) -> Batch:
    """Blur by a Gaussian, cut off at three standard deviations.

    Its weights are whole 256ths, as those of OpenCV for 8 bits; finer where it is wider than 32.

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
    return batch.showing(_separable(batch, _bell(sigma, round(3 * sigma))))


def median(batch: Batch, strength: float, generator: Generator) -> Batch:
    """Replace every voxel by the median of the square or cube around it.

    Between two sizes of whole voxels both medians are mixed in proportion.

    Parameters
    ----------
    batch
        Images.
    strength
        Half the edge of the square, as a share of the shorter side.
    generator
        Not used.
    """
    radius = round(strength * min(batch.shape), 2)
    smaller, share = int(radius), radius % 1
    images = _with_gaps(batch)
    found = _medians(images, smaller)
    if share:
        found = torch.lerp(found, _medians(images, smaller + 1), share)
    return batch.showing(found)


def guided_filter(batch: Batch, strength: float, generator: Generator) -> Batch:
    """Smooth every band by its own guided filter (He et al. 2013).

    Parameters
    ----------
    batch
        Images.
    strength
        Standard deviation below which detail counts as texture, as a share of the span of a band.
        The radius is as in :func:`~probes.reliance.averages.bilateral`.
    generator
        Not used.
    """
    radius = max(1, round((strength * VALUES / 30 + 1 / 3) * min(batch.shape) / SIDE))
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


def _bell(sigma: float, radius: int) -> list[float]:
    """Weights of a Gaussian in whole parts; what one loses by rounding, the next one gets."""
    parts = max(_PARTS, 16 * radius)  # more for wide ones, or most weights were none
    weights = [exp(-0.5 * (k / sigma) ** 2) for k in range(-radius, 1)]
    unit = parts / (2 * sum(weights) - 1)
    found, lost = list[int](), 0.0
    for weight in weights[:-1]:
        found.append(round(weight * unit + lost))
        lost += weight * unit - found[-1]
    return [each / parts for each in (*found, parts - 2 * sum(found), *reversed(found))]


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


def _medians(images: Tensor, radius: int) -> Tensor:
    return torch.cat([_median_of(each, radius) for each in images.split(1)]) if radius else images


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
