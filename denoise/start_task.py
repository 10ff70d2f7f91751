"""The task `denoising-start` of `regkit train`: a network that learns from clean images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from denoise.learning.clean import CleanPatches, supervised_loss
from denoise.learning.recorruption import TOLD, Recorruption
from denoise.methods import BEST, Method
from denoise.networks.unet import ResidualUNet, Shape
from denoise.weights import save_method
from regkit.errors import InputError
from regkit.io import read, read_header
from regkit.io.sizes import product
from regkit.settings import validate
from regkit.training.config import LoopConfig
from regkit.training.table import SourceRow, check_held_out, read_table
from regkit.training.tasks import WEIGHTS

_BRIGHTEST, _BYTES = 0.995, 4
_EXAMPLES = 8


class StartConfig(LoopConfig):
    """Everything that decides a start for `regkit denoise`, apart from the images.

    Parameters
    ----------
    table
        CSV or JSON with a column ``image``: images with next to no noise; ``subject`` where known.
    held_out
        Subjects that are for validation alone.
    seen
        What records and reports will say that the network has learned from.
    noise
        The least and the most standard deviation of the noise that is added, of the range.
    thick_slices
        For images whose slices lie far apart, which are not pooled together.
    patch, widths
        Voxels of a patch along an axis, channels of each level.
    """

    table: Path
    held_out: tuple[str, ...] = ()
    seen: str = Field(min_length=1)
    noise: tuple[float, float] = (0.02, 0.3)
    thick_slices: bool = False
    patch: int = Field(40, ge=16, le=128)
    widths: tuple[int, ...] = Field((16, 32, 64), min_length=2)


@dataclass(eq=False)
class StartTask:
    """See :class:`regkit.training.tasks.TrainingTask`. All images are held in memory."""

    config: StartConfig
    rows: Sequence[SourceRow]

    @classmethod
    def of(cls, given: Mapping[str, Any], name: str) -> Self:
        """From the words of a YAML file, with the headers of all images read.

        Raises
        ------
        InputError
            If a word, the table or a header is wrong.
        """
        config = validate(StartConfig, given, name)
        if not 0 < config.noise[0] <= config.noise[1] <= 1:
            raise InputError(f"{name}: noise: {config.noise}; give two shares of the range, 0 to 1")
        rows = read_table(config.table)
        check_held_out(rows, config.held_out, name)
        for row in rows:
            if read_header(row.image).grid.ndim != 3:
                raise InputError(f"{row.image.name}: has no three axes; a start is of volumes")
        return cls(config, rows)

    @cached_property
    def train(self) -> CleanPatches:
        """What is learned from."""
        return self._patches([r for r in self.rows if r.subject not in self.config.held_out])

    @cached_property
    def check(self) -> list[Tensor]:
        """Patches that are held out."""
        rows = [row for row in self.rows if row.subject in self.config.held_out]
        generator = torch.Generator().manual_seed(1)
        return [self._patches(rows).draw(generator) for _ in range(_EXAMPLES if rows else 0)]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The weights."""
        return (WEIGHTS,)

    def inputs(self) -> dict[str, Path]:
        """The table."""
        return {"table": self.config.table}

    def data(self) -> list[Path]:
        """All images."""
        return [row.image for row in self.rows]

    def bytes_needed(self) -> tuple[int, int]:
        """All images."""
        return _BYTES * sum(product(read_header(row.image).grid.shape) for row in self.rows), 0

    def open(self) -> None:
        """Read every image."""
        _ = self.train, self.check

    def begin(self, stage: int, network: nn.Module | None) -> nn.Module:
        """The same network in every stage."""
        torch.manual_seed(self.config.seed)
        return (self._method().network if network is None else network).train()

    def loss(
        self, network: nn.Module, device: torch.device, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """Mean squared error on one patch, over the variance of its noise."""
        low, high = self.config.noise
        sigma = low * (high / low) ** float(torch.rand(1, generator=generator))
        clean = self.train.draw(generator).to(device)
        return {"loss": supervised_loss(network, clean, sigma, Recorruption(told=True), generator)}

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """The same on held-out patches, with noise of a tenth of their range."""
        generator, told = torch.Generator().manual_seed(2), Recorruption(told=True)
        with torch.no_grad():
            found = [
                float(supervised_loss(network, clean.to(device), TOLD, told, generator))
                for clean in self.check
            ]
        return {"risk": sum(found) / len(found)} if found else {}

    def save(self, network: nn.Module, path: Path) -> None:
        """Write safetensors that ``regkit denoise --model`` takes."""
        save_method(replace(self._method(), network=network), path, sigma=TOLD)

    def _method(self) -> Method:
        widths = self.config.widths
        through = 1 if self.config.thick_slices else 2
        shape = Shape(widths, ((2, 2, through),) * (len(widths) - 1))
        network = ResidualUNet(shape)
        told = Recorruption(told=True)
        return Method(BEST, network, told, shape.reach, shape.multiple, self.config.seen)

    def _patches(self, rows: Sequence[SourceRow]) -> CleanPatches:
        thick = 0.9 if self.config.thick_slices else 0.25
        return CleanPatches([_clean(row.image) for row in rows], self.config.patch, thick=thick)


def _clean(path: Path) -> Tensor:
    """From 0 to about 1."""
    data = read(path).load().data[0].float()
    data = data - data.min()
    bright = data[data > 0]
    if not len(bright):
        raise InputError(f"{path.name}: all voxels are alike; take it out of the table")
    return data / torch.quantile(bright[:: max(1, len(bright) // 1_000_000)], _BRIGHTEST)
