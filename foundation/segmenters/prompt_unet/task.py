"""The task `promptable-segmentation` of `regkit train`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from foundation.segmenters.prompt_unet.draw import Shares, draw_example
from foundation.segmenters.prompt_unet.network import WIDTHS, PromptNetwork, segmentation_loss
from foundation.segmenters.prompt_unet.segmenter import CONFIG_FILE, NETWORK_FILE
from foundation.segmenters.prompt_unet.structures import LabelledImage, read_example
from regkit.io import read_header
from regkit.networks.weights.checkpoint import write_checkpoint
from regkit.settings import validate
from regkit.training.config import LoopConfig
from regkit.training.table import SourceRow, check_held_out, read_table

_VALIDATION = 1  # its draws are the same every time


class PromptUnetConfig(LoopConfig):
    """The settings of a promptable U-Net: all that decides it, apart from the images.

    Parameters
    ----------
    table
        CSV or JSON with a column ``image``, and ``subject`` and ``labels`` where there are such. An
        image without labels is shown with made shapes.
    held_out
        Subjects that are for validation alone.
    widths
        Channels of the network at each resolution, the finest first.
    batch
        Crops a step.
    shapes
        The share of crops of labelled images whose structure is a made shape.
    imprecision
        The largest change of masks and boxes, as a share of the structure's side; 0: all are right.
    """

    table: Path
    held_out: tuple[str, ...] = ()
    widths: tuple[int, ...] = Field(WIDTHS, min_length=2)
    batch: int = Field(2, gt=0)
    shapes: float = Field(0.25, ge=0, le=1)
    imprecision: float = Field(0.0, ge=0, le=1)


@dataclass(eq=False)
class PromptUnetTask:
    """See :class:`regkit.training.tasks.TrainingTask`. All images are held in memory."""

    config: PromptUnetConfig
    rows: Sequence[SourceRow]

    @classmethod
    def of(cls, given: Mapping[str, Any], name: str) -> Self:
        """Make the task from the settings of a YAML file, with the headers of all images read.

        Raises
        ------
        InputError
            If a word, the table or a header is wrong, or no subject is left to learn from.
        """
        config = validate(PromptUnetConfig, given, f"{name}:")
        rows = read_table(config.table)
        check_held_out(rows, config.held_out, name)
        for row in rows:
            read_header(row.image)
        return cls(config, rows)

    @cached_property
    def train(self) -> list[LabelledImage]:
        """What is learned from."""
        out = self.config.held_out
        return [read_example(row) for row in self.rows if row.subject not in out]

    @cached_property
    def held_out(self) -> list[LabelledImage]:
        """What is for validation alone."""
        out = self.config.held_out
        return [read_example(row) for row in self.rows if row.subject in out]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The files that are written, of a folder that ``prompt-unet=FOLDER`` opens."""
        return (f"model/{CONFIG_FILE}", f"model/{NETWORK_FILE}")

    def inputs(self) -> dict[str, Path]:
        """Return the table."""
        return {"table": self.config.table}

    def data(self) -> list[Path]:
        """List images and labels."""
        files = [path for row in self.rows for path in (row.image, row.labels)]
        return list(dict.fromkeys(path for path in files if path is not None))

    def bytes_needed(self) -> tuple[int, int]:
        """Return zeros: how many structures labels hold is known when they are read."""
        return 0, 0

    def open(self) -> None:
        """Read all images."""
        _ = self.train, self.held_out

    def begin(self, stage: int, network: nn.Module | None) -> nn.Module:
        """Build the network, or go on with that of the stage before."""
        return (PromptNetwork(self.config.widths) if network is None else network).train()

    def loss(
        self, network: nn.Module, device: torch.device, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """Return cross-entropy and soft Dice on crops that are drawn anew."""
        return {"loss": self._error(network, self.train, device, generator)}

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Return the same on crops of held-out subjects."""
        if not self.held_out:
            return {}
        generator = torch.Generator().manual_seed(_VALIDATION)
        with torch.no_grad():
            errors = [self._error(network, self.held_out, device, generator) for _ in range(12)]
        return {"loss": float(torch.stack(errors).mean())}

    def save(self, network: nn.Module, path: Path) -> None:
        """Write the network beside ``path``, as the folder ``model``."""
        folder = path.parent / "model"
        folder.mkdir(parents=True, exist_ok=True)
        write_checkpoint(network.state_dict(), folder / NETWORK_FILE)
        settings = {"widths": list(self.config.widths), "imprecision": self.config.imprecision}
        (folder / CONFIG_FILE).write_text(json.dumps(settings) + "\n", encoding="utf-8")

    def _error(
        self,
        network: nn.Module,
        examples: Sequence[LabelledImage],
        device: torch.device,
        generator: torch.Generator,
    ) -> Tensor:
        shares = Shares(self.config.shapes, self.config.imprecision)
        with torch.autocast(device.type, enabled=False):  # places are not for half precision
            drawn = [draw_example(examples, shares, generator) for _ in range(self.config.batch)]
        seen, truth = (torch.stack(each).to(device) for each in zip(*drawn, strict=True))
        return segmentation_loss(network(seen), truth)
