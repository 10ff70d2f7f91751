"""The task ``small-diffusion``: train an unconditional denoising U-Net on pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from foundation.features.schedule import NoiseSchedule
from foundation.features.training.crops import crops
from foundation.features.training.pictures import in_folder, packaged_pictures, read_grey
from regkit.errors import InputError
from regkit.optional_packages import diffusers
from regkit.settings import validate
from regkit.training.config import LoopConfig

_VALIDATION = 1  # its draws are the same every time


class DiffusionConfig(LoopConfig):
    """The settings of a small diffusion model: all that decides it, apart from the pictures.

    ``packages`` are those whose photographs are taken where they are installed, ``folders`` hold
    pictures of one's own, ``held_out`` names pictures (without folder) that are for validation
    alone.
    """

    packages: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    held_out: tuple[str, ...] = ()
    channels: tuple[int, ...] = (32, 64, 96, 96)
    groups: int = Field(8, gt=0)
    size: int = Field(64, ge=16)
    batch: int = Field(8, gt=0)
    average: float = Field(0.999, ge=0, lt=1)


@dataclass
class DiffusionTask:
    """The training of a diffusion model; see :class:`regkit.training.tasks.TrainingTask`."""

    config: DiffusionConfig
    paths: tuple[Path, ...]
    schedule: NoiseSchedule = field(default_factory=NoiseSchedule.linear)

    @classmethod
    def of(cls, given: Mapping[str, Any], name: str) -> Self:
        """Make the task from the settings of a YAML file.

        Raises
        ------
        InputError
            If a word is wrong, or no picture is found.
        """
        config = validate(DiffusionConfig, given, f"{name}:")
        paths = packaged_pictures(config.packages)
        paths += [path for folder in config.folders for path in in_folder(folder)]
        kept = [path for path in paths if path.name not in config.held_out]
        if not kept:
            raise InputError(
                f"{name}: no picture to train on: none of packages {list(config.packages)} is "
                "installed, and folders is empty"
            )
        return cls(config, tuple(paths))

    @cached_property
    def pictures(self) -> list[Tensor]:
        """The pictures that the model learns from."""
        out = self.config.held_out
        return [read_grey(path) for path in self.paths if path.name not in out]

    @cached_property
    def held_out(self) -> list[Tensor]:
        """The pictures that are for validation alone."""
        return [read_grey(path) for path in self.paths if path.name in self.config.held_out]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The files that are written, of a folder that diffusers opens."""
        return ("model/config.json", "model/diffusion_pytorch_model.safetensors")

    def inputs(self) -> dict[str, Path]:
        """Return no files: packages and folders are none."""
        return {}

    def data(self) -> list[Path]:
        """List the pictures' files."""
        return list(self.paths)

    def bytes_needed(self) -> tuple[int, int]:
        """Return zeros: pictures tell how large they are only when they are read."""
        return 0, 0

    def open(self) -> None:
        """Read all pictures."""
        _ = self.pictures, self.held_out

    def begin(self, stage: int, network: nn.Module | None) -> nn.Module:
        """Build the network, or go on with that of the stage before."""
        found: nn.Module = _unet(self.config) if network is None else network
        return found

    def loss(
        self, network: nn.Module, device: torch.device, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """Return the squared error of the noise that the network sees in noisy crops."""
        return {"loss": self._error(network, self.pictures, device, generator)}

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Return the same error on held-out pictures."""
        if not self.held_out:
            return {}
        generator = torch.Generator().manual_seed(_VALIDATION)
        with torch.no_grad():
            errors = [self._error(network, self.held_out, device, generator) for _ in range(16)]
        return {"loss": float(torch.stack(errors).mean())}

    def save(self, network: nn.Module, path: Path) -> None:
        """Write the network beside ``path``, as a folder for diffusers, in half precision."""
        half = _unet(self.config)
        half.load_state_dict(network.state_dict())
        half.half().save_pretrained(path.parent / "model")

    def _error(
        self,
        net: nn.Module,
        pictures: list[Tensor],
        device: torch.device,
        generator: torch.Generator,
    ) -> Tensor:
        clean = 2 * crops(pictures, self.config.size, self.config.batch, generator) - 1
        noise = torch.randn(clean.shape, generator=generator)
        t = torch.randint(self.schedule.steps, (len(clean),), generator=generator)
        noisy = self.schedule.noised(clean, noise, t)
        found: Tensor = net(noisy.to(device), t.to(device)).sample
        return (found.float() - noise.to(device)).square().mean()


def _unet(config: DiffusionConfig) -> Any:
    levels = len(config.channels)
    return diffusers("features").UNet2DModel(
        sample_size=config.size,
        in_channels=1,
        out_channels=1,
        block_out_channels=config.channels,
        down_block_types=("DownBlock2D",) * levels,
        up_block_types=("UpBlock2D",) * levels,
        layers_per_block=1,
        norm_num_groups=config.groups,
        attention_head_dim=config.channels[-1] // 2,
    )
