"""RedundancyJob: how much of encoders is needed, planned, run and repeated like any other job."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch

from probes.diagnosis.redundancy.config import RedundancyConfig
from probes.diagnosis.redundancy.page import redundancy_page
from probes.diagnosis.redundancy.probing import SlimSkill, width_curve
from probes.diagnosis.redundancy.sides import ProbedImages, learnt_side
from probes.images.job import ImageJob, describe_samples
from probes.images.model_settings import ModelSettings
from probes.images.models import open_encoder
from probes.images.reading import read_samples
from probes.images.samples import ImageSamples, leave_out_gaps, name_errors
from regkit.errors import InputError
from regkit.report import Page
from regkit.runs import OnProgress, Progress

WIDTHS_TABLE, SPECTRA_TABLE = "widths.csv", "spectra.csv"


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
        """Two tables."""
        return WIDTHS_TABLE, SPECTRA_TABLE

    def open(self) -> RedundancyTask:
        """Read the data set and open the encoders."""
        samples, notices = leave_out_gaps(read_samples(self.config.data, "class"))
        learnt_side(samples, self.config.learnt, self.config.seed)
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
            found[settings.name] = self._curve(settings)
            on_progress(Progress("encoders", number / len(self.config.encoders)))
        return RedundancyOutcome(self.config, found)

    def _curve(self, settings: ModelSettings) -> Sequence[SlimSkill]:
        config, samples = self.config, self.samples
        encoder = open_encoder(settings, samples.images.shape[1])
        truth = samples.truth
        if truth is None:
            raise InputError(f"{config.data.name}: has no classes")
        with torch.no_grad():
            name_errors(encoder, settings.name)(settings.scaled(samples.images[:1]))
        probed = ProbedImages(
            settings.scaled(samples.images), truth.astype(int),
            learnt_side(samples, config.learnt, config.seed), samples.subjects,
        )  # fmt: skip
        return width_curve(
            encoder, probed, config.widths, statistics=config.statistics, seed=config.seed,
            resamples=config.resamples, level=config.level,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class RedundancyOutcome:
    """What was found."""

    config: RedundancyConfig
    found: Mapping[str, Sequence[SlimSkill]]

    def entries(self, seconds: float) -> dict[str, Any]:
        """Return what is left at each width, for the record."""
        return {
            "relative": {
                name: {f"{each.width:g}": each.relative.estimate for each in curve}
                for name, curve in self.found.items()
            }
        }

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write a row for each width, and the spectra."""
        with places[WIDTHS_TABLE].open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            scores = ("linear", "neighbours", "relative")
            columns = [f"{name}{end}" for name in scores for end in ("", "_low", "_high")]
            writer.writerow(["encoder", "width", "operations", *columns, "features", "rank",
                             "effective_rank", "correlation"])  # fmt: skip
            for name, curve in self.found.items():
                for each in curve:
                    values = [
                        value
                        for score in scores
                        for value in (
                            getattr(each, score).estimate,
                            getattr(each, score).low,
                            getattr(each, score).high,
                        )
                    ]
                    spectrum = each.spectrum
                    writer.writerow([name, each.width, each.operations, *values,
                                     spectrum.features, spectrum.rank, spectrum.effective_rank,
                                     spectrum.correlation])  # fmt: skip
        with places[SPECTRA_TABLE].open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["encoder", "width", "component", "explained"])
            for name, curve in self.found.items():
                for each in curve:
                    for number, ratio in enumerate(each.spectrum.ratios, start=1):
                        writer.writerow([name, each.width, number, ratio])

    def page(self) -> Page:
        """Return the report."""
        return redundancy_page(self.config.study, self.found)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return a line for each encoder."""
        return tuple(
            f"{name}: "
            + ", ".join(f"{100 * e.relative.estimate:.0f} % at {e.width:g}" for e in curve)
            for name, curve in self.found.items()
        )


redundancy_again = RedundancyJob.again
"""Make the job that a record came from, with its outputs in another folder."""
