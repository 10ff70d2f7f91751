"""Mean squared difference."""

from __future__ import annotations

from typing import Self

from torch import Tensor

from regkit.losses.similarity import Similarity
from regkit.losses.traits import Traits


class MSE(Similarity):
    """The loss ``mean((fixed - warped)**2)``, for images whose intensities mean the same.

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
        """Make it for the registry; ``radius`` is not used, since there are no windows."""
        return cls()

    def compare(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> Tensor:
        """Average the squared difference over channels and weight; differentiable."""
        total = weight.sum().clamp(min=1e-6) * len(fixed)
        return (weight * (fixed - warped).square()).sum() / total

    def value_and_gradient(
        self, fixed: Tensor, warped: Tensor, weight: Tensor
    ) -> tuple[float, Tensor]:
        """Return the loss and its gradient in closed form."""
        scaled = (warped - fixed) * (weight / (weight.sum().clamp(min=1e-6) * len(fixed)))
        return float((scaled * (warped - fixed)).sum()), 2 * scaled
