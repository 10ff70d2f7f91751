"""Conditions: what the diffusion model is told of the image whose noise it should not draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoise.learning.neighbours import drawn_pair, sub_image

_SEED = 7


class Condition(Protocol):
    """From noisy patches to what the diffusion model is conditioned on."""

    def __call__(self, noisy: Tensor) -> Tensor:
        """``(N, 1, i, j, k)`` to the same shape, when it is sampled."""

    def pair(self, noisy: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """What is to be predicted in training, and the condition that goes with it."""


@dataclass(frozen=True, eq=False)
class BlindCondition:
    """The mean that a blind-spot network predicts, as in DiffDenoise.

    It leaks: the noise of a voxel is in the predictions of its neighbours, and a network that is
    good enough finds it there, so that training must be stopped in time. ``quantum`` adds noise
    of that share of ``sigma`` to the condition, the same for the same size of image, which hides
    some of it.
    """

    network: nn.Module
    sigma: float
    quantum: float = 0.0

    def __call__(self, noisy: Tensor) -> Tensor:
        """The prediction, without gradients."""
        with torch.no_grad():
            mean: Tensor = self.network(noisy)[:, :1].float()
        if not self.quantum:
            return mean
        generator = torch.Generator().manual_seed(_SEED)
        drawn = torch.randn(mean.shape, generator=generator).to(mean)
        return mean + self.quantum * self.sigma * drawn

    def pair(self, noisy: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The noisy image itself, and its condition."""
        return noisy, self(noisy)


@dataclass(frozen=True)
class SliceCondition:
    """The mean of the two slices beside each one: no noise of the slice itself is in it.

    With independent noise, what a perfectly trained model then gives is the mean of the clean
    image given its neighbours, and not the noisy image.

    Examples
    --------
    >>> SliceCondition()(torch.tensor([1.0, 5.0, 3.0]).reshape(1, 1, 1, 1, 3)).flatten()
    tensor([5., 2., 5.])
    """

    def __call__(self, noisy: Tensor) -> Tensor:
        """Along the last axis, mirrored at its ends."""
        wide = functional.pad(noisy, (1, 1, 0, 0, 0, 0), mode="reflect")
        return (wide[..., 2:] + wide[..., :-2]) / 2

    def pair(self, noisy: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The noisy image itself, and its condition."""
        return noisy, self(noisy)


@dataclass(frozen=True)
class PairCondition:
    """A sub-image of half the resolution, of which another one, a voxel beside it, is predicted.

    The two share no noise, as in :class:`~denoise.learning.neighbours.Neighbours`; sampled, the
    model is told the whole noisy image.

    Examples
    --------
    >>> image = torch.rand(1, 1, 8, 6, 3)
    >>> wanted, told = PairCondition().pair(image, torch.Generator().manual_seed(0))
    >>> wanted.shape, bool((wanted != told).all())
    (torch.Size([1, 1, 4, 3, 3]), True)
    """

    def __call__(self, noisy: Tensor) -> Tensor:
        """The image itself."""
        return noisy

    def pair(self, noisy: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Two neighbouring sub-images."""
        one, other = drawn_pair(noisy.ndim - 2, generator)
        return sub_image(noisy, one), sub_image(noisy, other)


@dataclass(frozen=True)
class RepeatCondition:
    """Another frame of the same scene, which shares no noise with the one that is predicted.

    Patches have two frames as channels; sampled, the model is told the one frame that there is.

    Examples
    --------
    >>> frames = torch.tensor([1.0, 2.0]).reshape(1, 2, 1, 1, 1)
    >>> wanted, told = RepeatCondition().pair(frames, torch.Generator().manual_seed(0))
    >>> sorted([float(wanted), float(told)])
    [1.0, 2.0]
    """

    def __call__(self, noisy: Tensor) -> Tensor:
        """The image itself."""
        return noisy

    def pair(self, noisy: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The two frames, in either order."""
        first = int(torch.randint(2, (), generator=generator))
        return noisy[:, first : first + 1], noisy[:, 1 - first : 2 - first]
