"""Averages over what looks alike: the bilateral filter and non-local means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import log

import torch
from torch import Tensor

from probes.images.batch import Batch
from probes.reliance.patches import mirror_places

# The reference has (d, sigmaColor) = (4, 50), (6, 80), ... (14, 200) and sigmaSpace = 75, in
# 8-bit values summed over three bands, at 224 pixels.
SIDE, VALUES = 224, 765.0
_SPACE = 75.0
_TEMPLATE, _SEARCH = 15, 21  # of non-local means, at 224 pixels
_GRAYS = 255.0  # OpenCV counts differences in them
_LEAST = 0.001  # a smaller weight is none to OpenCV
_MOST = 2**30  # what sums of squared differences stay below

_Offset = tuple[int, ...]


def bilateral(batch: Batch, strength: float, generator: torch.Generator) -> Batch:
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
    radius = max(1, round((strength * VALUES / 30 + 1 / 3) * shorter / SIDE))
    space = _SPACE * shorter / SIDE
    found = []
    for image, known in _one_by_one(batch):
        shares = _continued(image / batch.bands.along(batch.bands.span, image), radius)
        weights = _like_values(shares, radius, strength, space)
        found.append(_averaged(image, known, radius, weights))
    return batch.showing(torch.cat(found))


def nonlocal_means(batch: Batch, strength: float, generator: torch.Generator) -> Batch:
    """Average over places whose surroundings look alike (Buades et al. 2005).

    Differences, weights and what is left out are those of OpenCV, whose 8 bits are the span.

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
    template, search = (max(1, round(edge // 2 * shorter / SIDE)) for edge in (_TEMPLATE, _SEARCH))
    found = []
    for image, known in _one_by_one(batch):
        grays = image / batch.bands.along(batch.bands.span, image) * _GRAYS
        wide, seen = (_continued(each, template + search) for each in (grays, known))
        weights = _like_surroundings(wide, seen, template, search, strength * _GRAYS)
        found.append(_averaged(image, known, search, weights))
    return batch.showing(torch.cat(found))


def _one_by_one(batch: Batch) -> Iterator[tuple[Tensor, Tensor]]:
    """Every image, which alone stays in the cache of a processor, and where it has data."""
    known = torch.ones_like(batch.images[:, :1]) if batch.valid is None else batch.valid
    return zip(batch.images.split(1), known.to(batch.images).split(1), strict=True)


def _averaged(
    image: Tensor, known: Tensor, radius: int, weights: Iterable[tuple[_Offset, Tensor]]
) -> Tensor:
    """Average by the weights of pairs of voxels; that of a voxel itself is 1."""
    shape = image.shape[2:]
    values = _continued(torch.cat([image * known, known], 1), radius)
    total = values.clone()
    for offset, weight in weights:
        here, there = _pair(shape, radius, offset)
        total[here].addcmul_(weight, values[there])
        total[there].addcmul_(weight, values[here])
    total = total[_at([radius] * len(shape), shape)]
    return total[:, :-1] / total[:, -1:].clamp_min(1e-12)


def _like_values(
    shares: Tensor, radius: int, strength: float, space: float
) -> Iterator[tuple[_Offset, Tensor]]:
    """Weights of pairs within a ball, by their distance and their difference."""
    shape = [size - 2 * radius for size in shares.shape[2:]]
    for offset in _half_square(radius, len(shape)):
        squared = sum(o * o for o in offset)
        if squared <= radius**2:
            here, there = _pair(shape, radius, offset)
            apart = (shares[there] - shares[here]).abs_().mean(1, keepdim=True)
            near = -0.5 * squared / space**2
            yield offset, apart.square_().mul_(-0.5 / strength**2).add_(near).exp_()


def _like_surroundings(
    grays: Tensor, known: Tensor, template: int, search: int, deviation: float
) -> Iterator[tuple[_Offset, Tensor]]:
    """Weights of pairs by the squared difference of the windows around them."""
    shape = [size - 2 * search for size in grays.shape[2:]]
    count = (2 * template + 1) ** len(shape)
    shift = (count - 1).bit_length()  # means are taken by powers of two, as OpenCV takes them
    table = _table(deviation**2 * grays.shape[1] * count / 2**shift, search, _MOST >> shift)
    everywhere = bool(known.all())
    for offset in _half_square(search, len(shape)):
        here, there = _pair(shape, search, offset)
        apart = (grays[there] - grays[here]).square_().sum(1, keepdim=True)
        if everywhere:
            sums = _box_sum(_whole(apart, count), template)
        else:
            both = known[here] * known[there]
            share = _box_sum(both.int(), template).clamp_min_(1) / count
            sums = _box_sum(_whole(apart * both, count), template)
            sums = sums.div(share).clamp_max_(_MOST - 1).int()
        places = (sums >> shift).clamp_max_(len(table) - 1)
        yield offset, table.index_select(0, places.flatten()).reshape(places.shape)


def _whole(apart: Tensor, count: int) -> Tensor:
    """Whole numbers, of which the sum of ``count`` is one of 32 bits."""
    return apart.round_().clamp_max_(_MOST // count - 1).int()


def _table(scale: float, search: int, most: int) -> Tensor:
    """Weights exp(-n / scale) in steps of OpenCV's fixed point, from 1 down to the least one."""
    steps = (2**31 - 1) // ((2 * search + 1) ** 2 * 255)
    numbers = torch.arange(min(most, int(scale * log(2 / _LEAST)) + 2), dtype=torch.float64)
    weights = (steps * (-numbers / scale).exp()).round()
    return (weights * (weights >= _LEAST * steps) / steps).float()


def _box_sum(whole: Tensor, radius: int) -> Tensor:
    """Sum over the square or cube around every voxel that has all of it.

    Running sums may overflow; their differences are right all the same.
    """
    for axis in range(2, whole.ndim):
        running = whole.cumsum(axis, dtype=torch.int32)
        size = whole.shape[axis] - 2 * radius
        whole = running.narrow(axis, 2 * radius, size).clone()
        whole.narrow(axis, 1, size - 1).sub_(running.narrow(axis, 0, size - 1))
    return whole


def _continued(images: Tensor, radius: int) -> Tensor:
    """Images with ``radius`` voxels more on every side, by their mirror image."""
    for axis, size in enumerate(images.shape[2:], start=2):
        images = images.index_select(axis, mirror_places(size, radius, radius))
    return images


def _pair(
    shape: Sequence[int], radius: int, offset: _Offset
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where both voxels of pairs are of which one lies in the image, continued by ``radius``."""
    first = [radius - max(o, 0) for o in offset]
    sizes = [size + abs(o) for size, o in zip(shape, offset, strict=True)]
    return _at(first, sizes), _at([f + o for f, o in zip(first, offset, strict=True)], sizes)


def _at(first: Sequence[int], shape: Sequence[int]) -> tuple[slice, ...]:
    inner = (slice(start, start + size) for start, size in zip(first, shape, strict=True))
    return (slice(None), slice(None), *inner)


def _half_square(radius: int, ndim: int) -> Iterator[_Offset]:
    """Offsets within a square or cube, one of each two that are opposite."""
    nothing = (0,) * ndim
    return (o for o in product(range(-radius, radius + 1), repeat=ndim) if o > nothing)
