"""Blind: predict a voxel from its surroundings, and join the prediction with the voxel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from denoise.networks.blindspot import marginal_loss, posterior_mean


@dataclass(frozen=True)
class Blind:
    """A :class:`~denoise.networks.blindspot.BlindSpot` with the posterior mean of Laine et al.

    Examples
    --------
    >>> from denoise.networks.blindspot import BlindShape, BlindSpot
    >>> net = BlindSpot(BlindShape(dims=2, width=4, dilations=(2,), hidden=(0, 0)))
    >>> noisy = torch.randn(1, 1, 8, 8)
    >>> Blind().denoised(net, noisy, 1.0).shape
    torch.Size([1, 1, 8, 8])
    """

    def loss(
        self, network: nn.Module, noisy: Tensor, sigma: float, generator: torch.Generator
    ) -> Tensor:
        """Minus the log likelihood of the voxels that the network did not see."""
        return marginal_loss(noisy, network(noisy).float(), sigma)

    def denoised(self, network: nn.Module, noisy: Tensor, sigma: float) -> Tensor:
        """The posterior mean."""
        return posterior_mean(noisy, network(noisy).float(), sigma)
