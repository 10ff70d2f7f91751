"""Student: an ordinary network that learns what the sampler gives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Distillation:
    """From noisy images to targets that are the second channel of the patches.

    The student is the residual U-Net of the other methods, not a NAFNet: what the stages gain or
    lose is then theirs and not that of another network, and files of weights are of one kind.
    """

    def loss(
        self, network: nn.Module, noisy: Tensor, sigma: float, generator: torch.Generator
    ) -> Tensor:
        """Mean squared error to the target, in units of sigma²."""
        return functional.mse_loss(network(noisy[:, :1]).float(), noisy[:, 1:2]) / sigma**2

    def denoised(self, network: nn.Module, noisy: Tensor, sigma: float) -> Tensor:
        """The network on the image."""
        out: Tensor = network(noisy)
        return out.float()
