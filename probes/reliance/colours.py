"""Suppressors of colour and of intensity: what bands say beyond their common brightness."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from probes.images.batch import Batch
from probes.reliance.patches import derangements

_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601
_KNOTS = 8


def common_component(batch: Batch, strength: float, generator: Generator) -> Batch:
    """Replace every band by what all bands have in common: grayscale for any number of bands.

    The first principal component of the data set, at each band's own mean and spread over the data
    set, so that neither the hue of a pixel nor that of the image is left.

    Parameters
    ----------
    batch
        Images of two bands or more.
    strength
        The share that is replaced, from 0 to 1.
    generator
        Not used.
    """
    scores = batch.bands.standardised(batch.images)
    weights = batch.bands.along(batch.bands.loadings, scores)
    common = (scores * weights).sum(1, keepdim=True).expand_as(scores)
    return batch.showing(torch.lerp(batch.images, batch.bands.restored(common), strength))


def blend_luminance(batch: Batch, strength: float, generator: Generator) -> Batch:
    """Replace red, green and blue by their luminance (ITU-R BT.601).

    Parameters
    ----------
    batch
        Images of three bands.
    strength
        The share that is replaced, from 0 to 1.
    generator
        Not used.
    """
    weights = batch.bands.along(torch.tensor(_LUMINANCE), batch.images)
    gray = (batch.images * weights).sum(1, keepdim=True)
    return batch.showing(torch.lerp(batch.images, gray.expand_as(batch.images), strength))


def flat_spectrum(batch: Batch, strength: float, generator: Generator) -> Batch:
    """Draw the spectrum of every pixel to its own mean, in shares of each band's span.

    Parameters
    ----------
    batch
        Images of two bands or more.
    strength
        How far, from 0 to 1.
    generator
        Not used.
    """
    low, span = (batch.bands.along(x, batch.images) for x in (batch.bands.low, batch.bands.span))
    shares = (batch.images - low) / span
    flat = torch.lerp(shares, shares.mean(1, keepdim=True).expand_as(shares), strength)
    return batch.showing(flat * span + low)


def exchange_bands(batch: Batch, strength: float, generator: Generator) -> Batch:
    """Let every band take the place of another one, at the mean and the spread of its new place.

    Parameters
    ----------
    batch
        Images of two bands or more.
    strength
        The share that is replaced, from 0 to 1.
    generator
        Draws an order for each image, in which no band keeps its place.
    """
    order = derangements(len(batch.images), batch.bands.count, generator)
    scores = batch.bands.standardised(batch.images)
    exchanged = scores[torch.arange(len(scores))[:, None], order]
    return batch.showing(torch.lerp(batch.images, batch.bands.restored(exchanged), strength))


def monotone_remap(batch: Batch, strength: float, generator: Generator) -> Batch:
    """Send intensities through a random curve that rises everywhere, another one an image.

    Parameters
    ----------
    batch
        Images of any number of bands; all bands of one image take one curve.
    strength
        How uneven the slopes of the curve are: the standard deviation of their logarithm.
    generator
        Draws the curves.
    """
    drawn = torch.randn(len(batch.images), _KNOTS, generator=generator)
    heights = torch.nn.functional.pad((strength * drawn).softmax(1).cumsum(1), (1, 0))
    low, span = (batch.bands.along(x, batch.images) for x in (batch.bands.low, batch.bands.span))
    shares = (batch.images - low) / span
    inside = shares.clamp(0, 1)
    return batch.showing((_interpolated(inside, heights) + shares - inside) * span + low)


def flat_histogram(batch: Batch, strength: float, generator: Generator) -> Batch:
    """Draw intensities to their rank within the image, so that all are equally frequent.

    Parameters
    ----------
    batch
        Images of any number of bands.
    strength
        How far, from 0 to 1.
    generator
        Not used.
    """
    low, span = (batch.bands.along(x, batch.images) for x in (batch.bands.low, batch.bands.span))
    ranks = torch.empty_like(batch.images)
    for number, image in enumerate(batch.images):
        where = None if batch.valid is None else batch.valid[number, 0]
        for band, values in enumerate(image):
            ranks[number, band] = _ranks(values, where)
    return batch.showing(torch.lerp(batch.images, ranks * span + low, strength))


def _interpolated(shares: Tensor, heights: Tensor) -> Tensor:
    """Read curves ``(B, K + 1)`` of equal steps at shares ``(B, C, *spatial)``."""
    places = (shares * _KNOTS).flatten(1)
    step = places.floor().clamp_max(_KNOTS - 1)
    first = heights.to(shares).gather(1, step.long())
    last = heights.to(shares).gather(1, step.long() + 1)
    return torch.lerp(first, last, places - step).reshape(shares.shape)


def _ranks(values: Tensor, where: Tensor | None) -> Tensor:
    """Where each value lies among all of them, from 0 to 1; equal values alike."""
    places = torch.ones_like(values, dtype=torch.bool) if where is None else where
    ordered, order = values[places].sort()
    _, number, counts = ordered.unique_consecutive(return_inverse=True, return_counts=True)
    middle = (counts.cumsum(0) - counts / 2) / max(len(ordered), 1)
    ranks = torch.empty_like(ordered)
    ranks[order] = middle.to(ranks)[number]
    return values.masked_scatter(places, ranks)
