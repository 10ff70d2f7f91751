"""The task `slimmable-classification` of `regkit train`: an encoder that works at many widths."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from probes.diagnosis.redundancy.batch_norm import measure_statistics
from probes.diagnosis.redundancy.sides import learnt_side
from probes.diagnosis.redundancy.slimmable import (
    SlimmableClassifier,
    draw_widths,
    narrow_answers,
    sandwich_loss,
)
from probes.images.model_settings import ModelSettings
from probes.images.models import new_encoder, open_encoder
from probes.images.places import check_places, data_files, data_size
from probes.images.reading import read_samples
from probes.images.samples import leave_out_gaps, name_errors
from probes.images.settings import DataSettings
from regkit.networks.weights.checkpoint import write_checkpoint
from regkit.settings import validate
from regkit.training.config import LoopConfig
from regkit.training.tasks import WEIGHTS

_TIMES = 4  # of the data set in memory: as stored, and as numbers
_MEASURED = 512  # images of which statistics of batch normalisations are taken


class SlimmableConfig(LoopConfig):
    """Everything that decides a slimmable classifier, apart from the images.

    Parameters
    ----------
    data
        Images with one class each.
    network
        ``timm:NAME`` or ``python:MODULE:FUNCTION``, an encoder that can be slimmed.
    start
        Weights of the encoder to go on from.
    mean, std
        Of each band, by which images are scaled before the network sees them.
    narrowest
        The smallest share of channels that is learned; 1: the whole width alone, as others learn.
    sampled
        How many widths between it and the whole one are drawn for each step.
    batch
        Images of a step.
    held_out
        The share of subjects of each class that is for validation alone.
    """

    data: DataSettings
    network: str = Field(min_length=1)
    start: Path | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    narrowest: float = Field(0.25, gt=0, le=1)
    sampled: int = Field(2, ge=0, le=16)
    batch: int = Field(32, ge=2)
    held_out: float = Field(0.2, gt=0, lt=1)

    @property
    def model(self) -> ModelSettings:
        """The encoder with its weights to go on from, as every model is named."""
        source = f"{self.network}={self.start or WEIGHTS}"
        return ModelSettings(name="network", source=source, mean=self.mean, std=self.std)


@dataclass(frozen=True, eq=False)
class _Sides:
    """Scaled images ``(N, C, *spatial)``, their classes ``(N,)``, and which of them are learnt."""

    images: Tensor
    classes: Tensor
    learnt: Tensor


@dataclass(eq=False)
class SlimmableTask:
    """See :class:`regkit.training.tasks.TrainingTask`. All images are held in memory."""

    config: SlimmableConfig

    @classmethod
    def of(cls, given: Mapping[str, Any], name: str) -> Self:
        """Make the task from the settings of a YAML file.

        Raises
        ------
        InputError
            If a setting is wrong, or a file is missing.
        """
        config = validate(SlimmableConfig, given, name)
        check_places([config.data], [] if config.start is None else [config.model])
        return cls(config)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The weights, which ``timm:NAME=FILE`` and ``python:MODULE:FUNCTION=FILE`` read."""
        return (WEIGHTS,)

    def inputs(self) -> dict[str, Path]:
        """Return the data set, and the weights to go on from."""
        named = {"data.path": self.config.data.path, "start": self.config.start}
        return {name: path for name, path in named.items() if path is not None and path != Path()}

    def data(self) -> list[Path]:
        """List the files of the data set."""
        return data_files(self.config.data)

    def bytes_needed(self) -> tuple[int, int]:
        """Return what the images take."""
        return _TIMES * data_size([self.config.data]), 0

    @cached_property
    def sides(self) -> _Sides:
        """All images, and on which side they are."""
        samples, _ = leave_out_gaps(read_samples(self.config.data, "class"))
        learnt = learnt_side(samples, 1 - self.config.held_out, self.config.seed)
        images = self.config.model.scaled(samples.images)
        return _Sides(images, torch.as_tensor(samples.truth).long(), torch.from_numpy(learnt))

    def open(self) -> None:
        """Read every image, and build the network once.

        Raises
        ------
        InputError
            If an image has no class, or the network cannot be slimmed.
        """
        network = self._fresh()
        network(self.sides.images[:1], self.config.narrowest)

    def begin(self, stage: int, network: nn.Module | None) -> nn.Module:
        """Build the network, or go on with that of the stage before."""
        return (self._fresh() if network is None else network).train()

    def loss(
        self, network: nn.Module, device: torch.device, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """Draw images, and widths that learn together."""
        places = self.sides.learnt.nonzero()[:, 0]
        drawn = torch.randint(len(places), (self.config.batch,), generator=generator)
        images, classes = (
            each[places[drawn]].to(device) for each in (self.sides.images, self.sides.classes)
        )
        widths = draw_widths(self.config.narrowest, self.config.sampled, generator)
        return sandwich_loss(cast(SlimmableClassifier, network), images, classes, widths)

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Return the accuracy of the whole and the narrowest width on held-out subjects."""
        sides, found = self.sides, {}
        asked, truth = (each[~sides.learnt].to(device) for each in (sides.images, sides.classes))
        for width in dict.fromkeys((1.0, self.config.narrowest)):
            own = cast(SlimmableClassifier, network)
            said = narrow_answers(own, width, self._measured(device), asked).argmax(1)
            found[f"accuracy at {width:g}"] = float((said == truth).float().mean())
        return found

    def save(self, network: nn.Module, path: Path) -> None:
        """Write the whole width with its statistics, and the classifier, as timm names it."""
        trained = cast(SlimmableClassifier, network)
        encoder = deepcopy(trained.encoder)
        measure_statistics(encoder, self._measured(next(encoder.parameters()).device))
        head = getattr(encoder, "default_cfg", {}).get("classifier") or "head"
        own = {f"{head}.{name}": value for name, value in trained.head.state_dict().items()}
        write_checkpoint(encoder.state_dict() | own, path)

    def _measured(self, device: torch.device) -> Tensor:
        learnt = self.sides.images[self.sides.learnt]
        return learnt[:: max(1, len(learnt) // _MEASURED)].to(device)

    def _fresh(self) -> SlimmableClassifier:
        images, classes = self.sides.images, int(self.sides.classes.max()) + 1
        bands = images.shape[1]
        encoder = (
            new_encoder(self.config.network, bands)
            if self.config.start is None
            else open_encoder(self.config.model, bands)
        )
        with torch.no_grad():
            name_errors(encoder.eval(), self.config.network)(images[:1])
        return SlimmableClassifier(encoder, images[:1], classes)
