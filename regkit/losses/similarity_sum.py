"""A weighted sum of similarities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from regkit.losses.similarity import Similarity, by_autograd
from regkit.losses.traits import Traits


@dataclass(frozen=True)
class SimilaritySum(Similarity):
    """A weighted sum of similarities, each of which compares the images themselves.

    Examples
    --------
    >>> from regkit.losses.mse import MSE
    >>> twice = SimilaritySum(((1.0, MSE()), (1.0, MSE())))
    >>> float(twice(torch.zeros(1, 4, 4), torch.ones(1, 4, 4)))
    2.0
    """

    parts: tuple[tuple[float, Similarity], ...]

    @property
    def name(self) -> str:
        """The sum as a configuration writes it: ``features:mind+0.5*lncc2``."""
        return "+".join(
            part.name if weight == 1 else f"{weight:g}*{part.name}" for weight, part in self.parts
        )

    @property
    def traits(self) -> Traits:
        """The traits of the sum, as those of its parts decide them."""
        return Traits.of_sum((weight, part.traits) for weight, part in self.parts)

    def is_stochastic(self, shape: Sequence[int]) -> bool:
        """Say whether one of the parts is stochastic for images ``(1, *shape)``."""
        return any(part.is_stochastic(shape) for _, part in self.parts)

    def at(self, spacing: float) -> SimilaritySum:
        """Return the same sum of the parts that suit voxels of ``spacing``."""
        return SimilaritySum(tuple((weight, part.at(spacing)) for weight, part in self.parts))

    def above_noise(self, sigma: float) -> SimilaritySum:
        """Return the same sum of the parts that suit noise of ``sigma``."""
        return SimilaritySum(
            tuple((weight, part.above_noise(sigma)) for weight, part in self.parts)
        )

    def seed(self, seed: int) -> None:
        """Seed every part."""
        for _, part in self.parts:
            part.seed(seed)

    @contextmanager
    def fixed_seed(self, seed: int) -> Iterator[None]:
        """Let every part draw from ``seed`` inside a ``with`` block."""
        with ExitStack() as stack:
            for _, part in self.parts:
                stack.enter_context(part.fixed_seed(seed))
            yield

    def compare(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> Tensor:
        """Compare two images by every part, each with features of its own; differentiable."""
        values = [share * part(fixed, warped, weight) for share, part in self.parts]
        return torch.stack(values).sum()

    def value_and_gradient(
        self, fixed: Tensor, warped: Tensor, weight: Tensor
    ) -> tuple[float, Tensor]:
        """Return the loss and its gradient, by a part's own kernel where it compares the images."""
        value, gradient = 0.0, torch.zeros_like(warped)
        for share, part in self.parts:
            own, slope = _slope(part, fixed, warped, weight)
            value += share * own
            gradient += share * slope
        return value, gradient


def _slope(part: Similarity, fixed: Tensor, warped: Tensor, weight: Tensor) -> tuple[float, Tensor]:
    """Return value and gradient of a part, by its kernel where it compares images themselves."""
    if part.oriented:
        return by_autograd(lambda leaf: part(fixed, leaf, weight), warped)
    return part.value_and_gradient(fixed, warped, weight)
