"""Extractor: a frozen network that makes feature maps of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor


class Extractor(Protocol):
    """A frozen network that makes feature maps of images; see the group ``regkit.features``.

    One whose maps are to be kept on disk says in an attribute ``files`` which files decide them;
    see :func:`regkit.features.identity_of`. One that knows how its weights begin has a method
    ``with_random_weights(seed)``, which returns it untrained: a baseline.
    """

    @property
    def name(self) -> str:
        """What messages and reports call it."""

    @property
    def ndim(self) -> int:
        """The dimension of the images that it takes: 2 for slices, 3 for volumes."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """How it is best used: fields of :class:`regkit.registration.config.FeatureConfig`."""

    def draw(self, images: Tensor, generator: torch.Generator) -> Tensor | None:
        """Draw the noise for a batch, if it wants any."""

    def __call__(self, images: Tensor, noise: Tensor | None) -> Sequence[Tensor]:
        """Turn ``(N, 1, *spatial)`` in [0, 1] into maps ``(N, C, *smaller)``, one a layer."""

    def to(self, device: torch.device) -> object:
        """Move the network to where the images are."""
