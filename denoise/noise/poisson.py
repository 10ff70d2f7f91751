"""Poisson-Gaussian noise: counted photons or decays, and the electronics that read them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class PoissonGaussian:
    """``gain * Poisson(signal / gain) + sigma * normal``, by the generalised Anscombe transform.

    The way back is the closed form of the exact unbiased inverse (Mäkitalo and Foi, IEEE TIP 22,
    2013, eq. 10).

    Parameters
    ----------
    gain
        Intensity of one count, above 0.
    sigma
        Standard deviation of what is added to the counts, in intensities.

    Examples
    --------
    >>> counts = torch.poisson(torch.full((200_000,), 20.0), torch.Generator().manual_seed(0))
    >>> model = PoissonGaussian(1.0)
    >>> bool((model.stabilise(counts).var() - 1).abs() < 0.02)
    True
    >>> bool((model.restore(model.stabilise(counts).mean()) - 20).abs() < 0.1)
    True
    """

    gain: float
    sigma: float = 0.0
    name: str = "poisson"

    @property
    def level(self) -> float:
        """Standard deviation at an intensity of one count."""
        return math.hypot(self.gain, self.sigma)

    def stabilise(self, noisy: Tensor) -> Tensor:
        """Intensities to the scale of variance one."""
        read = self.sigma / self.gain
        return 2 * (noisy / self.gain + 3 / 8 + read**2).clamp_min(0).sqrt()

    def restore(self, mean: Tensor) -> Tensor:
        """Means to intensities; at least 0 counts."""
        read, root = self.sigma / self.gain, math.sqrt(1.5)
        lowest = 2 * math.sqrt(3 / 8 + read**2)
        d = mean.clamp_min(lowest)
        counts = d**2 / 4 + root / 4 / d - 11 / 8 / d**2 + 5 / 8 * root / d**3 - 1 / 8 - read**2
        return self.gain * torch.clamp_min(counts, 0)
