"""What an analysis of redundancy is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from probes.images.model_settings import ModelSettings
from probes.images.settings import DataSettings
from regkit.settings import Settings


class RedundancyChoices(Settings):
    """How encoders are cut and probed, whichever they are.

    ``learnt`` is the share of subjects that probes learn from, ``widths`` are shares of channels.
    ``operations`` are shares of the operations of the whole encoder: for each, the largest width
    that costs no more is probed as well.
    ``statistics: measured`` gives every width the statistics of batch normalisations that it has on
    the images that probes learn from, in place of those that are stored for the whole encoder.
    """

    widths: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = (
        0.75, 0.5, 0.25, 0.125,
    )  # fmt: skip
    operations: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    learnt: float = Field(default=0.6, gt=0, lt=1)
    statistics: Literal["stored", "measured"] = "stored"
    seed: int = Field(default=0, ge=0)
    resamples: int = Field(default=1000, ge=100, le=100_000)
    level: float = Field(default=0.95, gt=0, lt=1)


class RedundancyConfig(RedundancyChoices):
    """A data set with one class an image, encoders, and how these are cut and probed.

    ``encoders`` are networks without classifier: ``timm:NAME=FILE`` or ``python=MODULE:FUNCTION``.
    """

    study: str = Field(min_length=1, max_length=80)
    data: DataSettings
    encoders: Annotated[tuple[ModelSettings, ...], Field(min_length=1)]
