"""The image encoder of SAM-Med3D as a backbone: its blocks, and the embedding that it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional

from foundation.features.padded import without_padding
from foundation.segmenters.sam_med3d import (
    NAME,
    above_zero_normalised,
    filled_sam_med3d,
    sam_med3d_network,
)
from regkit.errors import InputError
from regkit.features import layer_outputs

_FIRST, _EMBEDDING = "patch_embed", "neck"
_EVERY = 3  # of the blocks, unless layers are named


def open_sam_med3d_layers(
    path: Path | None, layers: Sequence[str] | None, timestep: int | None
) -> SamMed3dFeatures:
    """The image encoder of SAM-Med3D, in 3-D: ``sam-med3d=FILE`` (weights unverified).

    Parameters
    ----------
    path
        ``sam_med3d_turbo.pth``, or another checkpoint of that network.
    layers
        ``patch_embed``, ``blocks.N`` and ``neck``, the embedding; the embedding and every third
        block if not given.
    timestep
        Not used: it has none.

    Raises
    ------
    MissingWeightsError
        If there is no such file.
    InputError
        If medim is not installed, the weights are of another network, or it has no such layer.
    """
    network, file = filled_sam_med3d(path)
    encoder = network.get_submodule("image_encoder")
    return SamMed3dFeatures(encoder, tuple(layers or _usual_layers(encoder)), (file,))


def _usual_layers(encoder: Any) -> list[str]:
    return [f"blocks.{n}" for n in range(_EVERY - 1, len(encoder.blocks), _EVERY)] + [_EMBEDDING]


def _check_layers(encoder: Any, layers: Sequence[str]) -> None:
    """Parts of a block see windows, which are no map of the image."""
    known = (_FIRST, *(f"blocks.{n}" for n in range(len(encoder.blocks))), _EMBEDDING)
    for layer in layers:
        if layer not in known:
            raise InputError(f"features:{NAME}: no layer {layer!r}; allowed: {', '.join(known)}")


@dataclass(frozen=True)
class SamMed3dFeatures:
    """Layers of the image encoder, on a cube of as many voxels as it was trained on.

    Images are padded with 0 at the far end of each axis, scaled as in training, and shown once;
    what maps show of the padding is cut off again. It was trained on voxels of 1.5 mm. See
    :class:`regkit.features.Extractor`.

    Parameters
    ----------
    network
        The encoder; frozen here, in evaluation mode.
    layers
        Those that are listened to.
    files
        Of its weights.
    """

    network: Any
    layers: tuple[str, ...]
    files: tuple[Path, ...] | None = None
    name: str = NAME
    ndim: int = 3
    settings: Mapping[str, Any] = field(default_factory=lambda: {"noise": "none"})

    def __post_init__(self) -> None:
        _check_layers(self.network, self.layers)
        self.network.eval().requires_grad_(False)

    def with_random_weights(self, seed: int) -> Self:
        """Return the same encoder with the weights that it has before it is trained.

        Parameters
        ----------
        seed
            The same seed gives the same weights.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = sam_med3d_network()
        return replace(self, network=network.get_submodule("image_encoder"))

    def draw(self, images: Tensor, generator: torch.Generator) -> None:
        """Draw nothing: it takes no noise."""

    def __call__(self, images: Tensor, noise: Tensor | None) -> list[Tensor]:
        """Turn ``(N, 1, i, j, k)`` in [0, 1] into maps, one a layer.

        Raises
        ------
        InputError
            If an image has more voxels an axis than the encoder sees, or no contrast.
        """
        sizes, side = images.shape[2:], int(self.network.img_size)
        if len(sizes) != self.ndim or max(sizes) > side:
            raise InputError(
                f"features:{self.name}: sees 3-D images of at most {side} voxels an axis, not "
                f"{'x'.join(map(str, sizes))}; make them coarser (a study: `shape`)"
            )
        padding = [n for size in reversed(sizes) for n in (0, side - size)]
        seen = functional.pad(images, padding)
        shown = torch.stack([above_zero_normalised(each, "") for each in seen])
        maps = layer_outputs(self.network, self.layers, lambda: self.network(shown))
        return [
            without_padding(_channels_first(name, each), sizes, seen.shape[2:], self.name)
            for name, each in zip(self.layers, maps, strict=True)
        ]

    def to(self, device: torch.device) -> Self:
        """Move the network."""
        self.network.to(device)
        return self


def _channels_first(layer: str, found: Tensor) -> Tensor:
    """Turn tokens ``(N, i, j, k, C)`` into maps; those of the embedding are so already."""
    return found if layer == _EMBEDDING else found.movedim(-1, 1)
