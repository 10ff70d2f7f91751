"""Tell how much noise a diffusion model expects at each timestep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class NoiseSchedule:
    """The share ``kept (T,)`` of the signal's variance that is left at each timestep.

    Ho et al., NeurIPS 2020, eq. 4: ``x_t = sqrt(kept_t) x_0 + sqrt(1 - kept_t) noise``.
    """

    kept: Tensor

    @classmethod
    def linear(cls, steps: int = 1000, first: float = 1e-4, last: float = 0.02) -> Self:
        """Make the schedule of Ho et al. and OpenAI's guided diffusion: betas on a line.

        Examples
        --------
        >>> round(float(NoiseSchedule.linear().kept[50]), 2)
        0.97
        """
        return cls((1 - torch.linspace(first, last, steps, dtype=torch.float64)).cumprod(0).float())

    @classmethod
    def scaled_linear(cls, steps: int = 1000, first: float = 8.5e-4, last: float = 0.012) -> Self:
        """Make the schedule of Stable Diffusion: square roots of betas on a line."""
        roots = torch.linspace(first**0.5, last**0.5, steps, dtype=torch.float64)
        return cls((1 - roots.square()).cumprod(0).float())

    @property
    def steps(self) -> int:
        """The number of timesteps."""
        return len(self.kept)

    def noised(self, clean: Tensor, noise: Tensor | None, t: Tensor | int) -> Tensor:
        """Mix noise into ``clean (N, ...)`` at timestep ``t``, one or ``(N,)``.

        Without noise, ``clean`` itself is returned.
        """
        if noise is None:
            return clean
        kept = self.kept[t].to(clean).reshape(-1, *[1] * (clean.ndim - 1))
        return kept.sqrt() * clean + (1 - kept).sqrt() * noise
