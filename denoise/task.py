"""The task `denoising` of `regkit train`: one network from a cohort of noisy images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from denoise.config import BlindKind, DenoiseConfig, Dimensions, Hidden, NoiseName
from denoise.constant import is_constant
from denoise.learning.patches import Patches, cut_patches
from denoise.learning.recorruption import Recorruption
from denoise.learning.validation import validate_denoiser
from denoise.memory import denoising_memory
from denoise.methods import Method, make_method
from denoise.prepared import PreparedSeries, prepare_series
from denoise.weights import read_method, save_method
from regkit.errors import InputError
from regkit.io import read, read_header, read_labels
from regkit.io.sizes import product
from regkit.networks.weights.checkpoint import read_checkpoint
from regkit.settings import validate
from regkit.training.config import LoopConfig
from regkit.training.table import SourceRow, check_held_out, read_table
from regkit.training.tasks import WEIGHTS

_PER_VOXEL = 16  # of an image that waits: as the network sees it, its mask, and what is drawn from


class DenoisingConfig(LoopConfig):
    """Everything that decides a trained denoiser, apart from the images.

    Parameters
    ----------
    table
        CSV or JSON with a column ``image``, and ``subject`` and ``mask`` where there are such.
    held_out
        Subjects that are for validation alone.
    start
        Weights to go on from.
    noise, method, network, hidden, dimensions, patch, batch, widths, strength
        As in :class:`~denoise.config.DenoiseConfig`.
    """

    table: Path
    held_out: tuple[str, ...] = ()
    start: Path | None = None
    noise: NoiseName = "auto"
    method: Literal["recorrupted", "blindspot", "noise2void", "noise2self", "neighbours"] = (
        "recorrupted"
    )
    network: BlindKind = "dilated"
    hidden: tuple[Hidden, Hidden, Hidden] = (0, 0, 0)
    dimensions: Dimensions = "3"
    patch: int = Field(48, ge=8, le=256)
    batch: int = Field(2, gt=0)
    widths: tuple[int, ...] = Field((16, 32, 64), min_length=2)
    strength: float = Field(0.5, gt=0)

    @property
    def denoising(self) -> DenoiseConfig:
        """The same for one image."""
        same = ("noise", "method", "network", "hidden", "dimensions", "patch", "batch", "widths",
                "strength", "seed")  # fmt: skip
        return DenoiseConfig(**{name: getattr(self, name) for name in same})


@dataclass(frozen=True, eq=False)
class _Subject:
    """One image on the scale of the network, and what is drawn from it."""

    work: PreparedSeries
    patches: Patches

    @property
    def sigma(self) -> float:
        return self.work.scaling.sigma


@dataclass(eq=False)
class DenoisingTask:
    """See :class:`regkit.training.tasks.TrainingTask`. All images are held in memory."""

    config: DenoisingConfig
    rows: Sequence[SourceRow]

    @classmethod
    def of(cls, given: Mapping[str, Any], name: str) -> Self:
        """From the words of a YAML file, with the headers of all images read.

        Raises
        ------
        InputError
            If a word, the table or a header is wrong.
        """
        config = validate(DenoisingConfig, given, name)
        rows = read_table(config.table)
        check_held_out(rows, config.held_out, name)
        if config.start is not None:
            read_method(config.start)
        for row in rows:
            read_header(row.image)
        return cls(config, rows)

    @cached_property
    def train(self) -> list[_Subject]:
        """What is learned from."""
        out = self.config.held_out
        return [_subject(row, self.config) for row in self.rows if row.subject not in out]

    @cached_property
    def check(self) -> list[_Subject]:
        """What is held out."""
        out = self.config.held_out
        return [_subject(row, self.config) for row in self.rows if row.subject in out]

    @cached_property
    def method(self) -> Method:
        """The network and its objective, as they are at the beginning."""
        torch.manual_seed(self.config.seed)
        first = self.train[0].work
        method = make_method(self.config.denoising, first.images[0].shape, first.spacing)
        return method if self.config.start is None else _gone_on(method, self.config.start)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The weights."""
        return (WEIGHTS,)

    def inputs(self) -> dict[str, Path]:
        """The table, and the weights to start from."""
        start = self.config.start
        return {"table": self.config.table} | ({} if start is None else {"start": start})

    def data(self) -> list[Path]:
        """Images and masks."""
        files = [path for row in self.rows for path in (row.image, row.mask)]
        return list(dict.fromkeys(path for path in files if path is not None))

    def bytes_needed(self) -> tuple[int, int]:
        """All images, and what the network takes for the largest of them."""
        shapes = [read_header(row.image).grid.shape for row in self.rows]
        largest = max(shapes, key=product)
        others = _PER_VOXEL * (sum(map(product, shapes)) - product(largest))
        settings = self.config.denoising.model_copy(update={"device": self.config.device})
        return denoising_memory(largest, 1, settings) + others, 0

    def open(self) -> None:
        """Read every image, and estimate its noise.

        Raises
        ------
        InputError
            If one cannot be learned from, or the weights to start from are of another network.
        """
        _ = self.check, self.method

    def begin(self, stage: int, network: nn.Module | None) -> nn.Module:
        """The same network in every stage."""
        return (self.method.network if network is None else network).train()

    def loss(
        self, network: nn.Module, device: torch.device, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """The objective on patches of one image."""
        number = int(torch.randint(len(self.train), (1,), generator=generator))
        subject = self.train[number]
        noisy = subject.patches.draw(self.config.batch, generator).to(device)
        return {"loss": self.method.objective.loss(network, noisy, subject.sigma, generator)}

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Estimated error and variance taken away, both over sigma², on held-out subjects."""
        found = [self._examined(network, subject, device) for subject in self.check]
        if not found:
            return {}
        return {
            name: sum(each[name] for each in found) / len(found) for name in ("risk", "residual")
        }

    def save(self, network: nn.Module, path: Path) -> None:
        """Write safetensors that ``regkit denoise --model`` takes."""
        sigmas = sorted(subject.sigma for subject in self.train)
        save_method(replace(self.method, network=network), path, sigma=sigmas[len(sigmas) // 2])

    def _examined(
        self, network: nn.Module, subject: _Subject, device: torch.device
    ) -> dict[str, float]:
        boxes = subject.patches.draw(1, torch.Generator().manual_seed(1)).to(device)
        mask = torch.ones(boxes.shape[2:], dtype=torch.bool, device=device)

        def denoiser(noisy: Tensor) -> Tensor:
            return self.method.objective.denoised(network, noisy, subject.sigma)

        health = validate_denoiser(denoiser, boxes, mask, subject.sigma)
        return {"risk": health.risk, "residual": health.residual}


def _subject(row: SourceRow, config: DenoisingConfig) -> _Subject:
    mask = None if row.mask is None else read_labels(row.mask).load()
    image = read(row.image).load()
    if is_constant([image]):
        value = float(image.data.flatten()[0])
        raise InputError(f"{image.name}: all voxels are {value:g}; take it out of the table")
    work = prepare_series([image], config.denoising, mask, None)
    patches = cut_patches(work.images, work.masks, largest=config.patch, square=work.square)
    return _Subject(work, patches)


def _gone_on(method: Method, path: Path) -> Method:
    """``method`` with the weights in a file, told sigma if the network there was."""
    known, mine = read_method(path)[0].objective, method.objective
    try:
        method.network.load_state_dict(read_checkpoint(path))
    except RuntimeError as error:
        raise InputError(
            f"{path.name}: is of another network; give widths, method and dimensions as it has"
        ) from error
    if isinstance(known, Recorruption) and isinstance(mine, Recorruption):
        return replace(method, objective=replace(mine, told=known.told))
    return method
