"""RedundancyJob: how much of encoders is needed, planned, run and repeated like any other job."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch

from probes.diagnosis.redundancy.config import RedundancyConfig
from probes.diagnosis.redundancy.page import redundancy_page
from probes.diagnosis.redundancy.sides import learnt_side
from probes.diagnosis.redundancy.study import encoder_redundancy
from probes.diagnosis.redundancy.tables import (
    REDUNDANCY_TABLES,
    EncoderRedundancy,
    redundancy_tables,
)
from probes.images.job import ImageJob, describe_samples, unscaled_models
from probes.images.model_settings import ModelSettings
from probes.images.models import open_encoder
from probes.images.reading import read_samples
from probes.images.samples import ImageSamples, leave_out_gaps, name_errors
from regkit.report import Page
from regkit.runs import OnProgress, Progress


@dataclass(frozen=True)
class RedundancyJob(ImageJob):
    """An analysis of redundancy.

    Parameters
    ----------
    config, folder, overwrite, full_paths
        As in every :class:`~probes.images.job.ImageJob`.
    """

    kind: ClassVar[str] = "redundancy"
    settings_kind = RedundancyConfig
    times: ClassVar[int] = 4

    config: RedundancyConfig

    @property
    def results(self) -> Sequence[str]:
        """The tables."""
        return REDUNDANCY_TABLES

    def open(self) -> RedundancyTask:
        """Read the data set and open the encoders."""
        samples, notices = leave_out_gaps(read_samples(self.config.data, "class"))
        learnt_side(samples, self.config.learnt, self.config.seed)
        notices += unscaled_models(self.config, samples)
        return RedundancyTask(self.config, samples, notices)


@dataclass(frozen=True, eq=False)
class RedundancyTask:
    """An analysis whose data set has been read."""

    config: RedundancyConfig
    samples: ImageSamples
    notices: tuple[str, ...] = ()

    @property
    def introduction(self) -> tuple[str, ...]:
        """A line that says what was read."""
        return (describe_samples(self.samples),)

    def execute(self, on_progress: OnProgress) -> RedundancyOutcome:
        """Probe one encoder after the other."""
        found = {}
        for number, settings in enumerate(self.config.encoders, start=1):
            found[settings.name] = self._diagnosed(settings)
            on_progress(Progress("encoders", number / len(self.config.encoders)))
        return RedundancyOutcome(self.config, found)

    def _diagnosed(self, settings: ModelSettings) -> EncoderRedundancy:
        samples = self.samples
        encoder = open_encoder(settings, samples.images.shape[1])
        with torch.no_grad():
            name_errors(encoder, settings.name)(settings.scaled(samples.images[:1]))
        scaled = replace(samples, images=settings.scaled(samples.images))
        return encoder_redundancy(self.config, encoder, scaled)


@dataclass(frozen=True, eq=False)
class RedundancyOutcome:
    """What was found."""

    config: RedundancyConfig
    found: Mapping[str, EncoderRedundancy]

    def entries(self, seconds: float) -> dict[str, Any]:
        """Return what is left at each width, for the record."""
        return {
            "relative": {
                name: {f"{each.width:g}": each.relative.estimate for each in found.curve}
                for name, found in self.found.items()
            }
        }

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write a row for each width and each layer, their spectra, and how layers correlate."""
        for name, rows in redundancy_tables(self.found).items():
            with places[name].open("w", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows(rows)

    def page(self) -> Page:
        """Return the report."""
        return redundancy_page(self.config.study, self.found)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return a line for each encoder."""
        return tuple(
            f"{name}: "
            + ", ".join(f"{100 * e.relative.estimate:.0f} % at {e.width:g}" for e in found.curve)
            for name, found in self.found.items()
        )


redundancy_again = RedundancyJob.again
"""Make the job that a record came from, with its outputs in another folder."""
