"""Speckle: noise that multiplies, as in ultrasound, radar and optical coherence tomography."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy.special import digamma, polygamma
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Speckle:
    """Intensities times a gamma variable of mean one, as the mean of ``looks`` intensities has.

    The logarithm makes it additive; its mean there is ``digamma(looks) - log(looks)``, which the
    way back takes off, its variance ``trigamma(looks)`` (Xie, Pierce and Ulaby, IEEE TGRS 40,
    2002, eq. 8 and 9).

    Parameters
    ----------
    looks
        Equivalent number of looks, above 0: mean² / variance of a flat region.

    Examples
    --------
    >>> gamma = torch.distributions.Gamma(4.0, 4.0)
    >>> _ = torch.manual_seed(0)
    >>> model = Speckle(4.0)
    >>> bool((model.restore(model.stabilise(9 * gamma.sample((50_000,))).mean()) - 9).abs() < 0.1)
    True
    """

    looks: float
    name: str = "speckle"

    @property
    def level(self) -> float:
        """Standard deviation relative to the intensity."""
        return 1 / math.sqrt(self.looks)

    def stabilise(self, noisy: Tensor) -> Tensor:
        """The logarithm, divided by its standard deviation; 0 becomes the smallest number above."""
        floor = float(noisy[noisy > 0].min()) if bool((noisy > 0).any()) else 1.0
        return noisy.clamp_min(floor).log() / self._sd

    def restore(self, mean: Tensor) -> Tensor:
        """Back from the logarithm, without its bias."""
        bias = float(digamma(self.looks)) - math.log(self.looks)
        return torch.exp(mean * self._sd - bias)

    @property
    def _sd(self) -> float:
        return math.sqrt(float(polygamma(1, self.looks)))
