"""Mean squared difference."""

from __future__ import annotations

from typing import Self

from torch import Tensor

from regkit.losses.similarity import Similarity
from regkit.losses.traits import Traits


class MSE(Similarity):
    """``mean((fixed - warped)**2)``, for images whose intensities mean the same.

    Examples
    --------
    >>> import torch
    >>> float(MSE()(torch.zeros(1, 4, 4), torch.ones(1, 4, 4)))
    1.0
    """

    name = "mse"
    traits = Traits(worst_value=1.0)

    @classmethod
    def of(cls, radius: int) -> Self:
        """As the registry makes it; there are no windows."""
        return cls()

    def compare(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> Tensor:
        """Mean over channels and weight."""
        total = weight.sum().clamp(min=1e-6) * len(fixed)
        return (weight * (fixed - warped).square()).sum() / total

    def value_and_gradient(
        self, fixed: Tensor, warped: Tensor, weight: Tensor
    ) -> tuple[float, Tensor]:
        """In closed form."""
        scaled = (warped - fixed) * (weight / (weight.sum().clamp(min=1e-6) * len(fixed)))
        return float((scaled * (warped - fixed)).sum()), 2 * scaled
