"""Extract features from a latent diffusion model that is conditioned on text: Stable Diffusion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from foundation.features.batches import gaussian_noise, to_network_input
from foundation.features.schedule import NoiseSchedule
from regkit.errors import require
from regkit.features import check_layers, layer_outputs

PROMPT = "empty_prompt.safetensors"


@dataclass(frozen=True)
class LatentFeatures:
    """The outputs of ``layers`` for the most likely latent of an image, and the empty prompt.

    ``parts`` holds ``unet``, ``encoder`` and ``quant`` (of the autoencoder); the decoder and the
    text encoder are not kept. See :class:`regkit.features.Extractor`.
    """

    name: str
    parts: nn.ModuleDict
    layers: tuple[str, ...]
    timestep: int
    prompt: Tensor
    scale: float
    multiple: int
    schedule: NoiseSchedule
    settings: Mapping[str, Any] = field(default_factory=dict)
    ndim: int = 2
    files: tuple[Path, ...] | None = None

    def __post_init__(self) -> None:
        check_layers(self.parts, self.layers, self.name)
        self.parts.eval().requires_grad_(False)

    def draw(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Draw noise for the latents of ``(N, 1, H, W)``, one pattern for all of them."""
        with torch.no_grad():
            return gaussian_noise(self._latent(images[:1]), generator)

    def __call__(self, images: Tensor, noise: Tensor | None) -> list[Tensor]:
        """Turn ``(N, 1, H, W)`` in [0, 1] into maps, one a layer."""
        noisy = self.schedule.noised(self._latent(images), noise, self.timestep)
        t = torch.full((len(images),), self.timestep, device=images.device)
        text = self.prompt.to(images).expand(len(images), -1, -1)
        return layer_outputs(self.parts, self.layers, lambda: self.parts["unet"](noisy, t, text))

    def to(self, device: torch.device) -> Self:
        """Move all parts."""
        self.parts.to(device)
        return self

    def _latent(self, images: Tensor) -> Tensor:
        seen = to_network_input(images, channels=3, multiple=self.multiple)
        moments: Tensor = self.parts["quant"](self.parts["encoder"](seen))
        return self.scale * moments.chunk(2, dim=1)[0]


def empty_prompt(folder: Path) -> Tensor:
    """Return the embedding ``(1, tokens, width)`` of the empty prompt.

    Of ``empty_prompt.safetensors`` in the folder where that is, else by the folder's own text
    encoder, which takes the package transformers.

    Raises
    ------
    InputError
        If neither is at hand.
    """
    kept = folder / PROMPT
    if kept.is_file():
        return load_file(kept)["embedding"]
    models = require("transformers", extra="stable-diffusion")
    tokens = models.CLIPTokenizer.from_pretrained(str(folder / "tokenizer"), local_files_only=True)
    encoder = models.CLIPTextModel.from_pretrained(
        str(folder / "text_encoder"), local_files_only=True
    )
    most = tokens.model_max_length
    words = tokens("", padding="max_length", max_length=most, return_tensors="pt")
    with torch.no_grad():
        out: Tensor = encoder(words.input_ids)[0]
    return out
