"""Recorrupted-to-recorrupted: two noisy images of independent noise, made from one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoise.noise.repeats import correlate_noise

# The noise that a network sees which is told sigma.
TOLD = 0.1


@dataclass(frozen=True)
class Recorruption:
    """Any network, trained as if there were a second acquisition (Pang et al., CVPR 2021).

    With noise of standard deviation sigma and a draw z of the same, ``y + strength z`` and
    ``y - z / strength`` have independent noise, so that the one predicts the clean part of the
    other (eq. 9 and 10 there). Unlike a blind spot, every voxel takes part in its own estimate.

    Parameters
    ----------
    told
        Whether the network is told sigma, for one that has learned from many: it sees every image
        so scaled that the noise has one standard deviation.
    strength
        Large: the network is trained on more noise than it will see. Small: a noisier target.
    blur
        Of the noise that is drawn, along each axis: as the image's own noise is correlated. See
        :func:`denoise.noise.repeats.blur_of`.

    Examples
    --------
    >>> from denoise.networks.unet import Shape, ResidualUNet
    >>> noisy, generator = torch.randn(1, 1, 8, 8), torch.Generator().manual_seed(0)
    >>> net = ResidualUNet(Shape(widths=(4, 4), strides=((2, 2),)))
    >>> bool(Recorruption().loss(net, noisy, 1.0, generator) > 0)
    True
    """

    strength: float = 0.5
    blur: tuple[float, ...] = ()
    told: bool = False

    def loss(
        self, network: nn.Module, noisy: Tensor, sigma: float, generator: torch.Generator
    ) -> Tensor:
        """Mean squared error between the two, in units of sigma²."""
        drawn = sigma * correlate_noise(torch.randn(noisy.shape, generator=generator), self.blur)
        drawn = drawn.to(noisy)
        level = sigma * math.hypot(1, self.strength)
        guess = self.denoised(network, noisy + self.strength * drawn, level)
        target = noisy - drawn / self.strength
        return functional.mse_loss(guess, target) / sigma**2

    def denoised(self, network: nn.Module, noisy: Tensor, sigma: float) -> Tensor:
        """The network on the image itself, which has less noise than it was trained on."""
        scale = TOLD / sigma if self.told else 1.0
        out: Tensor = network(scale * noisy)
        return out.float() / scale
