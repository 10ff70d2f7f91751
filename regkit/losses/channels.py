"""Compare images of several channels: the weighted mean of a similarity over the channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from regkit.losses.similarity import Similarity
from regkit.losses.traits import Traits


@dataclass(frozen=True)
class ChannelSum(Similarity):
    """A sum over channels, ``sum(share * similarity(channel))``: each is compared with its own.

    Parameters
    ----------
    similarity
        Of images of one channel.
    shares
        One a channel, in their order; they sum to 1. A channel of share 0 is not looked at.

    Examples
    --------
    >>> from regkit.losses.mse import MSE
    >>> both = ChannelSum(MSE(), (0.75, 0.25))
    >>> float(both(torch.zeros(2, 4, 4), torch.stack([torch.ones(4, 4), torch.zeros(4, 4)])))
    0.75
    """

    similarity: Similarity
    shares: tuple[float, ...]
    informs: bool = field(init=False, default=False)
    oriented: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "informs", self.similarity.informs)
        object.__setattr__(self, "oriented", self.similarity.oriented)

    @property
    def name(self) -> str:
        """The name of the similarity of one channel."""
        return self.similarity.name

    @property
    def traits(self) -> Traits:
        """The traits of the similarity of one channel."""
        return self.similarity.traits

    def is_stochastic(self, shape: Sequence[int]) -> bool:
        """Say whether the similarity of one channel is stochastic, for images ``(C, *shape)``."""
        return self.similarity.is_stochastic(shape)

    def at(self, spacing: float) -> ChannelSum:
        """Return the same sum of the similarity that suits voxels of ``spacing``."""
        return ChannelSum(self.similarity.at(spacing), self.shares)

    def above_noise(self, sigma: float) -> ChannelSum:
        """Return the same sum of the similarity that suits noise of ``sigma``."""
        return ChannelSum(self.similarity.above_noise(sigma), self.shares)

    def seed(self, seed: int) -> None:
        """Seed the similarity of one channel."""
        self.similarity.seed(seed)

    @contextmanager
    def fixed_seed(self, seed: int) -> Iterator[None]:
        """Let the similarity draw from ``seed`` inside a ``with`` block."""
        with self.similarity.fixed_seed(seed):
            yield

    def features(self, image: Tensor) -> Tensor:
        """Compute the features of each channel of ``(C, *spatial)``, one after the other."""
        return torch.cat([self.similarity.features(channel[None]) for channel in image])

    def compare(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> Tensor:
        """Compare the features of all channels, ``(C, *spatial)``; differentiable."""
        values = [
            share * self.similarity.compare(f, w, weight)
            for share, (f, w) in self._parts(fixed, warped)
        ]
        return torch.stack(values).sum()

    def value(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> float:
        """Return the loss without its gradient."""
        return sum(
            share * self.similarity.value(f, w, weight)
            for share, (f, w) in self._parts(fixed, warped)
        )

    def value_and_gradient(
        self, fixed: Tensor, warped: Tensor, weight: Tensor
    ) -> tuple[float, Tensor]:
        """Return the loss and its gradient, by the kernel of the similarity."""
        total, gradient = 0.0, torch.zeros_like(warped)
        for share, (f, w, out) in self._parts(fixed, warped, gradient):
            value, slope = self.similarity.value_and_gradient(f, w, weight)
            total += share * value
            torch.mul(slope, share, out=out)
        return total, gradient

    def value_and_gradients(
        self, fixed: Tensor, warped: Tensor, weight: Tensor, crossing: Tensor
    ) -> tuple[float, Tensor, Tensor]:
        """Return the loss and both gradients by the similarity's kernel; those by weight add up."""
        total, gradient, by_weight = 0.0, torch.zeros_like(warped), torch.zeros_like(weight)
        for share, (f, w, out) in self._parts(fixed, warped, gradient):
            value, slope, told = self.similarity.value_and_gradients(f, w, weight, crossing)
            total += share * value
            torch.mul(slope, share, out=out)
            by_weight.add_(told, alpha=share)
        return total, gradient, by_weight

    def _parts(self, *features: Tensor) -> Iterator[tuple[float, tuple[Tensor, ...]]]:
        """Yield the share of every channel that has one, and the blocks of its features."""
        blocks = [torch.chunk(each, len(self.shares)) for each in features]
        for share, block in zip(self.shares, zip(*blocks, strict=True), strict=True):
            if share > 0:
                yield share, block


def over_channels(similarity: Similarity, shares: Sequence[float]) -> Similarity:
    """Return ``similarity`` itself for images of one channel, else a :class:`ChannelSum` of it.

    Examples
    --------
    >>> from regkit.losses.mse import MSE
    >>> over_channels(MSE(), (1.0,)).__class__.__name__
    'MSE'
    """
    return similarity if len(shares) == 1 else ChannelSum(similarity, tuple(shares))
