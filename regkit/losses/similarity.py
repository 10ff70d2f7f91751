"""Define what a similarity is: features that may be warped, and a comparison. Lower is better."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from regkit.losses.traits import Traits

_UNKNOWN = Traits()
_NAMES_OF_0_1 = {"varies": "is_stochastic", "reseed": "seed", "drawn_by": "fixed_seed"}


class Similarity(ABC):
    """A differentiable loss between a fixed and a warped image, inside a mask.

    ``loss(fixed, warped, mask)`` takes images ``(1, *spatial)`` with intensities in [0, 1] and
    gives a scalar tensor. Engines that know how the warp acts use the two halves: ``features``
    once for each image, then ``value_and_gradient`` on warped features at every step. A subclass
    says what else is to be known of it by an attribute ``traits``.
    """

    informs: bool = False  # whether values times weights add up, being information
    oriented: bool = False  # whether features depend on the direction of the voxel axes

    def __init_subclass__(cls, **options: Any) -> None:
        """Take the methods of a similarity of one's own by their names of version 0.1 as well."""
        super().__init_subclass__(**options)
        for old in _NAMES_OF_0_1.keys() & vars(cls).keys():
            new = _NAMES_OF_0_1[old]
            warnings.warn(f"{cls.__name__}.{old}: name it {new}", DeprecationWarning, stacklevel=2)
            setattr(cls, new, vars(cls)[old])

    def is_stochastic(self, shape: Sequence[int]) -> bool:
        """Say whether the same images ``(1, *shape)`` may give another value the next time."""
        return False

    def at(self, spacing: float) -> Similarity:
        """Return the similarity that suits voxels of ``spacing``, in units of a body 160 across."""
        return self

    def above_noise(self, sigma: float) -> Similarity:
        """Return the similarity that suits noise of the standard deviation ``sigma``."""
        return self

    def seed(self, seed: int) -> None:
        """Seed the generator of what is drawn at random."""
        return

    @contextmanager
    def fixed_seed(self, seed: int) -> Iterator[None]:
        """Draw what is random from ``seed`` inside a ``with`` block; go on as before after it."""
        yield

    @property
    def traits(self) -> Traits:
        """What engines, plans of memory and reports ask instead of its name."""
        return _UNKNOWN

    @property
    @abstractmethod
    def name(self) -> str:
        """What a configuration and a report call it."""

    def __call__(self, fixed: Tensor, warped: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the loss of images ``(1, *spatial)``; ``mask (*spatial)`` weighs the voxels."""
        weight = torch.ones_like(fixed[0]) if mask is None else mask.to(fixed.dtype)
        return self.compare(self.features(fixed), self.features(warped), weight)

    def features(self, image: Tensor) -> Tensor:
        """Turn ``(1, *spatial)`` into the channels ``(C, *spatial)`` that are compared."""
        return image

    @abstractmethod
    def compare(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> Tensor:
        """Return the loss of features ``(C, *spatial)``, weight ``(*spatial)``; differentiable."""

    def value(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> float:
        """Return the loss of features ``(C, *spatial)`` as a number."""
        return self.value_and_gradient(fixed, warped, weight)[0]

    def value_and_gradient(
        self, fixed: Tensor, warped: Tensor, weight: Tensor
    ) -> tuple[float, Tensor]:
        """Return the loss of features ``(C, *spatial)``, and its gradient by ``warped``."""
        return by_autograd(lambda leaf: self.compare(fixed, leaf, weight), warped)

    def value_and_gradients(
        self, fixed: Tensor, warped: Tensor, weight: Tensor, crossing: Tensor
    ) -> tuple[float, Tensor, Tensor]:
        """Return the loss, its gradient by ``warped``, and that of its sum by ``weight``.

        The sum over the voxels changes as if each bore the mean, unless a similarity knows better.

        Parameters
        ----------
        fixed, warped
            Features ``(C, *spatial)``.
        weight
            ``(*spatial)``: how much each voxel counts.
        crossing
            ``(*spatial)``, above 0 where the gradient by weight is wanted; what it is elsewhere is
            not looked at.
        """
        value, gradient = self.value_and_gradient(fixed, warped, weight)
        return value, gradient, torch.full_like(weight, value)


def by_autograd(loss: Callable[[Tensor], Tensor], warped: Tensor) -> tuple[float, Tensor]:
    """Return ``loss(warped)`` and its gradient by ``warped``, a tensor of any shape.

    ``loss`` must give a scalar tensor.
    """
    with torch.enable_grad():
        leaf = warped.detach().requires_grad_()
        value = loss(leaf)
        return float(value.detach()), torch.autograd.grad(value, leaf)[0]
