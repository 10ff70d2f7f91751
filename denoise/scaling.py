"""From intensities to what a network sees, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from denoise.noise.model import NoiseModel

_LOW, _HIGH, _SAMPLE = 0.01, 0.995, 1_000_000


@dataclass(frozen=True)
class Scaling:
    """The stabilised image, its robust range on [0, 1]; there the noise is ``sigma`` everywhere.

    Parameters
    ----------
    model
        Of the noise.
    low, span
        Of the stabilised image.
    noise
        Standard deviation of the noise on the stabilised scale: 1, less for a mean of frames.

    Examples
    --------
    >>> from denoise.noise import Gaussian
    >>> image = torch.linspace(0, 100, 1000).reshape(10, 10, 10)
    >>> scaling = scaling_of([image], [image >= 0], Gaussian(5.0))
    >>> round(scaling.sigma, 2)
    0.05
    >>> bool(torch.allclose(scaling.back(scaling(image)), image, atol=1e-4))
    True
    """

    model: NoiseModel
    low: float
    span: float
    noise: float = 1.0

    @property
    def sigma(self) -> float:
        """Standard deviation of the noise, as a share of the range."""
        return self.noise / self.span

    def __call__(self, image: Tensor) -> Tensor:
        """Intensities to the scale of the network."""
        return (self.model.stabilise(image) - self.low) / self.span

    def back(self, seen: Tensor) -> Tensor:
        """Means on the scale of the network to intensities."""
        return self.model.restore(seen * self.span + self.low)


def scaling_of(images: Sequence[Tensor], masks: Sequence[Tensor], model: NoiseModel) -> Scaling:
    """Choose one scaling for images that share a noise model: their robust range becomes [0, 1].

    Parameters
    ----------
    images
        In intensities, ``(*spatial)`` each.
    masks
        Where each of them counts, boolean, in its shape.
    model
        The noise, which is first stabilised to a standard deviation of 1.
    """
    values = torch.cat([model.stabilise(i)[m] for i, m in zip(images, masks, strict=True)])
    few = values[:: max(1, len(values) // _SAMPLE)]
    low, high = (float(v) for v in torch.quantile(few, torch.tensor([_LOW, _HIGH])))
    return Scaling(model, low, max(high - low, 1e-6))
