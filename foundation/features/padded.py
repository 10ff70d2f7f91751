"""Features of any network of images of one channel, in 2-D or 3-D, by the names of its layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from regkit.errors import InputError
from regkit.features import check_layers, layer_outputs

Shown = Callable[[Tensor], Tensor]


def show_as_stored(images: Tensor) -> Tensor:
    """Show images ``(N, 1, *spatial)`` in [0, 1] as they are."""
    return images


def standardise_images(images: Tensor) -> Tensor:
    """Show images ``(N, 1, *spatial)`` less their mean, over their standard deviation."""
    axes = tuple(range(1, images.ndim))
    spread = images.std(axes, keepdim=True).clamp(min=1e-6)
    return (images - images.mean(axes, keepdim=True)) / spread


SHOWN: dict[str, Shown] = {"unit": show_as_stored, "standardised": standardise_images}


@dataclass(frozen=True)
class PaddedFeatures:
    """The outputs of ``layers`` of a network of one channel; frozen here, in evaluation mode.

    Images are padded at the far end of each axis until ``multiple`` divides it; what maps show of
    the padding is cut off again. See :class:`regkit.features.Extractor`.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv3d(1, 4, 3, stride=2, padding=1), nn.ReLU())
    >>> images = torch.rand(1, 1, 7, 8, 9)
    >>> PaddedFeatures("net", net, ("0",), ndim=3, multiple=2)(images, None)[0].shape
    torch.Size([1, 4, 4, 4, 5])
    """

    name: str
    network: nn.Module
    layers: tuple[str, ...]
    ndim: int
    multiple: int = 1
    shown: Shown = show_as_stored
    settings: Mapping[str, Any] = field(default_factory=lambda: {"noise": "none"})
    files: tuple[Path, ...] | None = None

    def __post_init__(self) -> None:
        check_layers(self.network, self.layers, self.name)
        self.network.eval().requires_grad_(False)

    def draw(self, images: Tensor, generator: torch.Generator) -> None:
        """Draw nothing: it takes no noise."""

    def __call__(self, images: Tensor, noise: Tensor | None) -> list[Tensor]:
        """Turn ``(N, 1, *spatial)`` in [0, 1] into maps, one a layer."""
        sizes = images.shape[2:]
        if len(sizes) != self.ndim:
            raise InputError(
                f"features:{self.name}: takes images of {self.ndim} axes, not {len(sizes)}"
            )
        more = [-n % self.multiple for n in sizes]
        padding = [n for size in reversed(more) for n in (0, size)]
        seen = functional.pad(self.shown(images), padding, mode="replicate")
        maps = layer_outputs(self.network, self.layers, lambda: self.network(seen))
        return [without_padding(each, sizes, seen.shape[2:], self.name) for each in maps]

    def to(self, device: torch.device) -> Self:
        """Move the network."""
        self.network.to(device)
        return self


def without_padding(
    found: Tensor, sizes: Sequence[int], padded: Sequence[int], name: str
) -> Tensor:
    """Return the part of a map of padded images that shows the images.

    Parameters
    ----------
    found
        ``(N, C, *smaller)``, of images that were padded at the far end of each axis.
    sizes, padded
        Voxels an axis, before padding and after it.
    name
        What the message calls the backbone.

    Raises
    ------
    InputError
        If the map has other axes than the images.

    Examples
    --------
    >>> without_padding(torch.zeros(1, 2, 4, 4), (5, 8), (8, 8), "net").shape
    torch.Size([1, 2, 3, 4])
    """
    if found.ndim != len(sizes) + 2:
        raise InputError(
            f"features:{name}: a layer puts out {tuple(found.shape)}; allowed: (N, C, *spatial)"
        )
    keep = [
        slice(min(have, math.ceil(n * have / whole)))
        for have, n, whole in zip(found.shape[2:], sizes, padded, strict=True)
    ]
    return found[(slice(None), slice(None), *keep)]
