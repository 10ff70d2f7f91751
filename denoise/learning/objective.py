"""Objective: what a network is trained for, and what its output then means."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn


class Objective(Protocol):
    """A self-supervised loss on patches whose noise has standard deviation ``sigma``."""

    def loss(
        self, network: nn.Module, noisy: Tensor, sigma: float, generator: torch.Generator
    ) -> Tensor:
        """The loss on patches ``(N, 1, *spatial)``; its minimum is the clean image's mean."""

    def denoised(self, network: nn.Module, noisy: Tensor, sigma: float) -> Tensor:
        """``(N, 1, *spatial)``: the estimate that the trained network gives."""
