"""RedundancyJob: how much of encoders is needed, planned, run and repeated like any other job."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from probes.diagnosis.redundancy.config import RedundancyConfig
from probes.diagnosis.redundancy.page import redundancy_page
from probes.diagnosis.redundancy.probing import SlimSkill, width_curve
from probes.diagnosis.redundancy.sides import ProbedImages, learnt_side
from probes.images.models import ModelSettings, open_encoder
from probes.images.places import (
    check_places,
    data_size,
    dumped_data,
    dumped_model,
    image_inputs,
    recorded_data,
    recorded_model,
)
from probes.images.reading import read_samples
from probes.images.samples import ImageSamples
from regkit.errors import InputError
from regkit.report import Page
from regkit.runs import RECORD, Folder, InputFile, Needs, OnProgress, Progress
from regkit.settings import validate

WIDTHS_TABLE, SPECTRA_TABLE, REDUNDANCY_REPORT = "widths.csv", "spectra.csv", "report.html"
_TIMES = 4  # of the data set in memory: as stored, as numbers


@dataclass(frozen=True)
class RedundancyJob:
    """An analysis of redundancy.

    Parameters
    ----------
    config
        The analysis.
    folder
        Where the tables and the report go.
    overwrite, full_paths
        As in every job.
    """

    kind: ClassVar[str] = "redundancy"

    config: RedundancyConfig
    folder: Path
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> Folder:
        """Two tables, the report and the record."""
        names = (WIDTHS_TABLE, SPECTRA_TABLE, REDUNDANCY_REPORT, RECORD)
        return Folder(self.folder, names, self.overwrite)

    def inputs(self) -> list[InputFile]:
        """List every file of the data set, and the weights."""
        return image_inputs([self.config.data], self.config.encoders, self.full_paths)

    def settings(self) -> dict[str, Any]:
        """Return the analysis with the names of its files, but not their folders."""
        given = self.config.model_dump(mode="json")
        given["data"] = dumped_data(self.config.data)
        given["encoders"] = [dumped_model(each) for each in self.config.encoders]
        return {"asked": given}

    def plan(self) -> dict[str, Any]:
        """Return the same."""
        return dict(self.settings()["asked"])

    def check(self) -> None:
        """Refuse files that are not there."""
        check_places([self.config.data], self.config.encoders)

    def look(self) -> RedundancyJob:
        """Return itself: what the data set holds is known when it is read."""
        return self

    def needs(self) -> Needs:
        """Estimate the memory of the data set from its files."""
        return Needs(
            _TIMES * data_size([self.config.data]),
            of="the data set",
            helps="give it a limit or a size",
        )

    def open(self) -> RedundancyTask:
        """Read the data set and open the encoders."""
        samples = read_samples(self.config.data, "class")
        learnt_side(samples, self.config.learnt, self.config.seed)
        return RedundancyTask(self.config, samples)


@dataclass(frozen=True, eq=False)
class RedundancyTask:
    """An analysis whose data set has been read."""

    config: RedundancyConfig
    samples: ImageSamples
    notices: tuple[str, ...] = ()

    @property
    def introduction(self) -> tuple[str, ...]:
        """A line that says what was read."""
        size = "x".join(map(str, self.samples.images.shape[2:]))
        return (
            f"data    {len(self.samples)} images of {size}, {self.samples.images.shape[1]} bands",
        )

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


def redundancy_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> RedundancyJob:
    """Make the job that a record came from, with another folder.

    Parameters
    ----------
    record
        What `regkit diagnose redundancy` wrote; its ``asked`` holds the settings.
    inputs
        The files of the data set and the weights, where they are now.
    folder
        Where the new job writes.

    Raises
    ------
    InputError
        If its settings or inputs are not those of such an analysis.
    """
    asked = dict(record["asked"])
    files = [each.path for each in inputs]
    encoders = [recorded_model(each, files) for each in asked["encoders"]]
    given = {**asked, "data": recorded_data(asked["data"], files), "encoders": encoders}
    config = validate(RedundancyConfig, given, "the record")
    job = RedundancyJob(config, folder)
    return replace(job, full_paths=any(each.full_path for each in inputs))
