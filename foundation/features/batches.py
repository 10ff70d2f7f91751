"""Bring images to what networks want: channels, range, and sizes that their strides divide."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def to_network_input(images: Tensor, *, channels: int, multiple: int) -> Tensor:
    """Turn images in [0, 1] into what networks of natural pictures take, in [-1, 1].

    Parameters
    ----------
    images
        ``(N, 1, H, W)``.
    channels
        Grey becomes colour by repetition.
    multiple
        At the far end the edge is repeated until this divides both sizes.

    Returns
    -------
    Tensor
        ``(N, channels, H', W')``.

    Examples
    --------
    >>> to_network_input(torch.zeros(2, 1, 5, 8), channels=3, multiple=4).shape
    torch.Size([2, 3, 8, 8])
    """
    more = [-n % multiple for n in images.shape[2:]]
    padded = functional.pad(images, (0, more[1], 0, more[0]), mode="replicate")
    return (2 * padded - 1).repeat(1, channels, 1, 1)


def crop_padding(maps: Tensor, images: Tensor, multiple: int) -> Tensor:
    """Cut from feature maps what shows the padding that :func:`to_network_input` added.

    Parameters
    ----------
    maps
        ``(N, C, h, w)``, of padded images.
    images
        ``(N, 1, H, W)``, before they were padded.
    multiple
        What their sizes were padded to be divided by.

    Returns
    -------
    Tensor
        ``(N, C, h', w')``; a pixel of a map that shows a part of the image is kept.
    """
    keep = []
    for have, n in zip(maps.shape[2:], images.shape[2:], strict=True):
        whole = math.ceil(n / multiple) * multiple
        keep.append(min(have, math.ceil(n * have / whole)))
    return maps[:, :, : keep[0], : keep[1]]


def gaussian_noise(like: Tensor, generator: torch.Generator) -> Tensor:
    """Draw standard normal numbers of the shape of ``like``, the same on every device."""
    return torch.randn(like.shape, generator=generator).to(like)
