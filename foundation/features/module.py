"""Extract features from any network of PyTorch or timm, by the names of its layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from foundation.features.batches import to_network_input
from regkit.errors import InputError
from regkit.features import check_layers, layer_outputs


@dataclass(frozen=True)
class ModuleFeatures:
    """The outputs of ``layers`` of a network of slices; frozen here, in evaluation mode.

    Images are shown as (image - ``mean``) / ``std`` in ``channels`` equal channels. Layers of
    tokens (vision transformers) become maps, without the tokens that stand for no patch. A
    package of its own makes a backbone of it by a function in the group ``regkit.features``, and
    gives it the ``files`` of its weights if its maps may be kept on disk.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU())
    >>> images = torch.rand(2, 1, 8, 8)
    >>> [maps.shape for maps in ModuleFeatures("net", net, ("0",))(images, None)]
    [torch.Size([2, 4, 4, 4])]
    """

    name: str
    network: nn.Module
    layers: tuple[str, ...]
    channels: int = 3
    multiple: int = 1
    mean: float = 0.45  # of ImageNet, over colours
    std: float = 0.225
    settings: Mapping[str, Any] = field(default_factory=lambda: {"noise": "none"})
    ndim: int = 2
    files: tuple[Path, ...] | None = None

    def __post_init__(self) -> None:
        check_layers(self.network, self.layers, self.name)
        self.network.eval().requires_grad_(False)

    def draw(self, images: Tensor, generator: torch.Generator) -> None:
        """Draw nothing: it takes no noise."""

    def __call__(self, images: Tensor, noise: Tensor | None) -> list[Tensor]:
        """Turn ``(N, 1, H, W)`` in [0, 1] into maps, one a layer."""
        seen = (to_network_input(images, channels=self.channels, multiple=self.multiple) + 1) / 2
        scaled = (seen - self.mean) / self.std
        maps = layer_outputs(self.network, self.layers, lambda: self.network(scaled))
        return [each if each.ndim == 4 else _map(each, scaled) for each in maps]

    def to(self, device: torch.device) -> Self:
        """Move the network."""
        self.network.to(device)
        return self


def _map(tokens: Tensor, images: Tensor) -> Tensor:
    """Turn tokens ``(N, tokens, C)`` of square patches, which come last, into ``(N, C, h, w)``.

    Raises
    ------
    InputError
        If no patch size fits.
    """
    height, width = images.shape[2:]
    if tokens.ndim == 3:
        for patch in range(1, min(height, width) + 1):
            h, w = height // patch, width // patch
            if height % patch == 0 and width % patch == 0 and h * w <= tokens.shape[1]:
                patches = tokens[:, tokens.shape[1] - h * w :]
                return patches.transpose(1, 2).reshape(len(tokens), -1, h, w)
    raise InputError(
        f"a layer puts out {tuple(tokens.shape)} for images {tuple(images.shape)}; allowed: "
        "(N, C, h, w), or (N, tokens, C) of square patches that divide the image (multiple=...)"
    )
