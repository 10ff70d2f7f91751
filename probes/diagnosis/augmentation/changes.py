"""Augmentations of bands, as training pipelines apply them, each at a strength."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import cos, pi, sin, sqrt

import torch
from torch import Generator, Tensor

from probes.images.bands import Bands
from regkit.errors import InputError
from regkit.settings import near

BandChange = Callable[[Tensor, float, Generator], Tensor]


@dataclass(frozen=True)
class BandAugmentation:
    """An augmentation and the strengths that are usual.

    Parameters
    ----------
    name
        As configurations write it.
    change
        Shares ``(B, C, *spatial)`` of the span of each band, a strength and a generator, to shares.
    strengths
        From mild to strong.
    colours
        Whether it works on the bands red, green and blue alone.
    """

    name: str
    change: BandChange
    strengths: tuple[float, ...]
    colours: bool = False


def _brightness(shares: Tensor, strength: float, generator: Generator) -> Tensor:
    """Multiply an image by a factor between ``1 - strength`` and ``1 + strength``."""
    return shares * (1 + strength * _signed(shares, generator))


def _contrast(shares: Tensor, strength: float, generator: Generator) -> Tensor:
    """Draw values to the mean of the image, or away from it."""
    mean = shares.mean(tuple(range(1, shares.ndim)), keepdim=True)
    return mean + (shares - mean) * (1 + strength * _signed(shares, generator))


def _gamma(shares: Tensor, strength: float, generator: Generator) -> Tensor:
    """Raise shares to a power between ``1 / (1 + strength)`` and ``1 + strength``."""
    power = (1 + strength) ** _signed(shares, generator)
    return shares.clamp_min(0) ** power


def _noise(shares: Tensor, strength: float, generator: Generator) -> Tensor:
    """Add white noise, another one in every band."""
    return shares + strength * torch.randn(shares.shape, generator=generator)


def _solarize(shares: Tensor, strength: float, generator: Generator) -> Tensor:
    """Invert what is brighter than ``1 - strength``."""
    return torch.where(shares > 1 - strength, 1 - shares, shares)


def _posterize(shares: Tensor, strength: float, generator: Generator) -> Tensor:
    """Keep ``strength`` bits of eight."""
    return (shares * 2**strength).floor() / 2**strength


def _grayscale(shares: Tensor, strength: float, generator: Generator) -> Tensor:
    """Draw every band to the mean of the bands."""
    return torch.lerp(shares, shares.mean(1, keepdim=True).expand_as(shares), strength)


def _drop_band(shares: Tensor, strength: float, generator: Generator) -> Tensor:
    """Set a share of the bands, one at least, to zero."""
    count = max(1, round(strength * shares.shape[1]))
    drawn = torch.rand(shares.shape[:2], generator=generator).argsort(1) < count
    return shares.masked_fill(drawn.reshape(*drawn.shape, *[1] * (shares.ndim - 2)), 0)


def _shuffle_bands(shares: Tensor, strength: float, generator: Generator) -> Tensor:
    """Let bands change places."""
    order = torch.rand(shares.shape[:2], generator=generator).argsort(1)
    return shares[torch.arange(len(shares))[:, None], order]


def _hue(shares: Tensor, strength: float, generator: Generator) -> Tensor:
    """Rotate three bands about their gray axis by a share of half a turn, either way."""
    angle = pi * strength * (1 if float(torch.rand((), generator=generator)) < 0.5 else -1)
    c, s, third = cos(angle), sin(angle), (1 - cos(angle)) / 3
    a, b = third - s / sqrt(3), third + s / sqrt(3)
    turn = torch.tensor([[c + third, a, b], [b, c + third, a], [a, b, c + third]])
    return torch.einsum("ij,bj...->bi...", turn.to(shares), shares)


def _signed(shares: Tensor, generator: Generator) -> Tensor:
    """A number from -1 to 1 for each image."""
    drawn = 2 * torch.rand(len(shares), generator=generator) - 1
    return drawn.reshape(-1, *[1] * (shares.ndim - 1))


_ALL = (
    BandAugmentation("brightness", _brightness, (0.05, 0.2, 0.5)),
    BandAugmentation("contrast", _contrast, (0.05, 0.2, 0.5)),
    BandAugmentation("gamma", _gamma, (0.1, 0.5, 1.0)),
    BandAugmentation("noise", _noise, (0.01, 0.05, 0.2)),
    BandAugmentation("solarize", _solarize, (0.25, 0.5, 0.75)),
    BandAugmentation("posterize", _posterize, (6.0, 4.0, 2.0)),
    BandAugmentation("grayscale", _grayscale, (0.2, 0.5, 1.0)),
    BandAugmentation("drop-band", _drop_band, (0.05, 0.25, 0.5)),
    BandAugmentation("shuffle-bands", _shuffle_bands, (1.0,)),
    BandAugmentation("hue", _hue, (0.1, 0.5, 1.0), colours=True),
)
BAND_AUGMENTATIONS: Mapping[str, BandAugmentation] = {each.name: each for each in _ALL}
"""Every augmentation by its name."""


def augmentation_called(name: str) -> BandAugmentation:
    """Find an augmentation.

    Parameters
    ----------
    name
        Such as ``hue``.

    Raises
    ------
    InputError
        If there is none of that name.

    Examples
    --------
    >>> augmentation_called("hue").colours
    True
    """
    if name not in BAND_AUGMENTATIONS:
        raise InputError(f"there is no augmentation {name!r:.60}{near(name, BAND_AUGMENTATIONS)}")
    return BAND_AUGMENTATIONS[name]


def augment(
    augmentation: BandAugmentation,
    images: Tensor,
    bands: Bands,
    strength: float,
    generator: Generator,
    colours: tuple[int, int, int] | None = None,
) -> Tensor:
    """Apply an augmentation to images in their own units.

    Parameters
    ----------
    augmentation
        Any.
    images
        ``(B, C, *spatial)``.
    bands
        Statistics of the data set.
    strength
        As the augmentation takes it.
    generator
        Draws whatever is random.
    colours
        The places of red, green and blue among the bands, from 0.

    Raises
    ------
    InputError
        If it works on colours and none are named.
    """
    low, span = (bands.along(each, images) for each in (bands.low, bands.span))
    shares = (images - low) / span
    if not augmentation.colours:
        return augmentation.change(shares, strength, generator) * span + low
    if colours is None:
        raise InputError(f"{augmentation.name} needs to know which bands are red, green and blue")
    shown = shares.clone()
    shown[:, colours] = augmentation.change(shares[:, colours], strength, generator)
    return shown * span + low
