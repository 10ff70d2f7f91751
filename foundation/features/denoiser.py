"""Extract features from a diffusion model that sees pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from foundation.features.batches import crop_padding, gaussian_noise, to_network_input
from foundation.features.schedule import NoiseSchedule
from regkit.features import check_layers, layer_outputs

Call = Callable[[nn.Module, Tensor, Tensor], object]
"""How a network is given noisy images and their timesteps."""


@dataclass(frozen=True)
class DenoiserFeatures:
    """The outputs of ``layers`` of an unconditional denoising network, at one timestep.

    See :class:`regkit.features.Extractor`.

    Parameters
    ----------
    network
        Frozen here, and put in evaluation mode.
    channels, multiple
        Of its input; ``multiple`` divides height and width.
    files
        Those that decide the network; None: they are not known.
    """

    name: str
    network: nn.Module
    layers: tuple[str, ...]
    timestep: int
    channels: int
    multiple: int
    schedule: NoiseSchedule = field(default_factory=NoiseSchedule.linear)
    settings: Mapping[str, Any] = field(default_factory=dict)
    call: Call = lambda network, x, t: network(x, t)
    ndim: int = 2
    files: tuple[Path, ...] | None = None

    def __post_init__(self) -> None:
        check_layers(self.network, self.layers, self.name)
        self.network.eval().requires_grad_(False)

    def draw(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Draw noise for images ``(N, 1, H, W)``, one pattern for all of them."""
        one = to_network_input(images[:1], channels=self.channels, multiple=self.multiple)
        return gaussian_noise(one, generator)

    def __call__(self, images: Tensor, noise: Tensor | None) -> list[Tensor]:
        """Turn ``(N, 1, H, W)`` in [0, 1] into maps, one a layer."""
        clean = to_network_input(images, channels=self.channels, multiple=self.multiple)
        t = torch.full((len(clean),), self.timestep, device=clean.device)
        noisy = self.schedule.noised(clean, noise, self.timestep)
        maps = layer_outputs(self.network, self.layers, lambda: self.call(self.network, noisy, t))
        return [crop_padding(each, images, self.multiple) for each in maps]

    def to(self, device: torch.device) -> Self:
        """Move the network."""
        self.network.to(device)
        return self


def resolve_layers(layers: Sequence[str] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return the layers that the user asked for, or the default.

    ``up.1`` is short for ``up_blocks.1``.

    Examples
    --------
    >>> resolve_layers(["up.1", "mid"], ())
    ('up_blocks.1', 'mid_block')
    """
    short = {"up": "up_blocks", "down": "down_blocks", "mid": "mid_block"}
    parts = [layer.partition(".") for layer in layers or ()]
    return tuple(short.get(p[0], p[0]) + p[1] + p[2] for p in parts) or default
