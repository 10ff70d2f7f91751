"""AttributionJob: what maps of attribution are worth, run and repeated like any other job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from probes.diagnosis.attribution.config import AttributionConfig
from probes.diagnosis.attribution.page import attribution_page
from probes.diagnosis.attribution.rows import MethodRow, RelevanceRow, TrustRow
from probes.diagnosis.attribution.study import ModelDiagnosis, label_matrix, run_attribution
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
from probes.reliance.rows import write_rows
from regkit.report import Page
from regkit.runs import RECORD, Folder, InputFile, Needs, OnProgress, Progress
from regkit.settings import validate

METHODS_TABLE, TRUST_TABLE, RELEVANCE_TABLE = "methods.csv", "trust.csv", "relevance.csv"
MAPS_FILE, ATTRIBUTION_REPORT = "maps.npz", "report.html"
_TIMES = 6  # of the data set in memory: as stored, on the scale of a model, and its bands


@dataclass(frozen=True)
class AttributionJob:
    """A diagnosis of attribution.

    Parameters
    ----------
    config
        The diagnosis.
    folder
        Where the tables, the maps and the report go.
    overwrite, full_paths
        As in every job.
    """

    kind: ClassVar[str] = "attribution"

    config: AttributionConfig
    folder: Path
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> Folder:
        """Three tables, the maps, the report and the record."""
        names = (METHODS_TABLE, TRUST_TABLE, RELEVANCE_TABLE, MAPS_FILE)
        return Folder(self.folder, (*names, ATTRIBUTION_REPORT, RECORD), self.overwrite)

    def inputs(self) -> list[InputFile]:
        """List every file of the data set, and the weights."""
        return image_inputs([self.config.data], self.config.models, self.full_paths)

    def settings(self) -> dict[str, Any]:
        """Return the diagnosis with the names of its files, but not their folders."""
        given = self.config.model_dump(mode="json")
        given["data"] = dumped_data(self.config.data)
        given["models"] = [dumped_model(each) for each in self.config.models]
        return {"asked": given}

    def plan(self) -> dict[str, Any]:
        """Return the same."""
        return dict(self.settings()["asked"])

    def check(self) -> None:
        """Refuse files that are not there."""
        check_places([self.config.data], self.config.models)

    def look(self) -> AttributionJob:
        """Return itself: what the data set holds is known when it is read."""
        return self

    def needs(self) -> Needs:
        """Estimate the memory of the data set from its files."""
        return Needs(
            _TIMES * data_size([self.config.data]),
            of="the data set",
            helps="give it a limit or a size",
        )

    def open(self) -> AttributionTask:
        """Read the data set."""
        samples = read_samples(
            self.config.data, "several" if self.config.task == "several-labels" else "class"
        )
        label_matrix(samples)
        return AttributionTask(self.config, samples)


@dataclass(frozen=True, eq=False)
class AttributionTask:
    """A diagnosis whose data set has been read."""

    config: AttributionConfig
    samples: ImageSamples
    notices: tuple[str, ...] = ()

    @property
    def introduction(self) -> tuple[str, ...]:
        """A line that says what was read."""
        size = "x".join(map(str, self.samples.images.shape[2:]))
        return (
            f"data    {len(self.samples)} images of {size}, {self.samples.images.shape[1]} bands",
        )

    def execute(self, on_progress: OnProgress) -> AttributionOutcome:
        """Judge the methods and metrics for one model after the other."""
        found = run_attribution(
            self.config, self.samples, lambda share: on_progress(Progress("maps", share))
        )
        return AttributionOutcome(self.config, found)


@dataclass(frozen=True, eq=False)
class AttributionOutcome:
    """What was found."""

    config: AttributionConfig
    found: Mapping[str, ModelDiagnosis]

    def entries(self, seconds: float) -> dict[str, Any]:
        """Return which metrics can be trusted, and which models were not judged, for the record."""
        trusted = {
            name: {
                extent: [row.metric for row in each.trust if row.extent == extent and row.trusted]
                for extent in dict.fromkeys(row.extent for row in each.trust)
            }
            for name, each in self.found.items()
        }
        failed = [name for name, each in self.found.items() if each.explained is None]
        return {"trusted": trusted, "not_judged": failed}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the tables, and the maps as arrays."""
        each = self.found.values()
        write_rows(MethodRow, [r for one in each for r in one.methods], places[METHODS_TABLE])
        write_rows(TrustRow, [r for one in each for r in one.trust], places[TRUST_TABLE])
        write_rows(RelevanceRow, [r for one in each for r in one.sums], places[RELEVANCE_TABLE])
        np.savez_compressed(places[MAPS_FILE], **dict(_arrays(self.found)))

    def page(self) -> Page:
        """Return the report."""
        return attribution_page(self.config, self.found)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return a line for each model."""
        return tuple(_lines(self.found))


def _arrays(found: Mapping[str, ModelDiagnosis]) -> Iterator[tuple[str, Any]]:
    """Images, masks and maps of each model, by names such as ``resnet/lrp``."""
    for name, each in found.items():
        if each.explained is not None:
            own = each.explained
            yield f"{name}/images", own.images.float().numpy()
            yield f"{name}/names", np.array(own.names)
            yield f"{name}/targets", own.targets.numpy()
            yield f"{name}/masks", own.masks.numpy()
            for method, maps in own.maps.items():
                yield f"{name}/{method}", maps.float().numpy()


def _lines(found: Mapping[str, ModelDiagnosis]) -> Iterator[str]:
    for name, each in found.items():
        if each.explained is None:
            yield f"{name}: {each.methods[0].message}"
            continue
        wrong = [row.metric for row in each.trust if row.extent == "part" and not row.trusted]
        told = ", ".join(wrong) or "none"
        yield f"{name}: metrics that do not rank the planted truth above noise: {told}"


def attribution_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> AttributionJob:
    """Make the job that a record came from, with another folder.

    Parameters
    ----------
    record
        What `regkit diagnose attribution` wrote; its ``asked`` holds the settings.
    inputs
        The files of the data set and the weights, where they are now.
    folder
        Where the new job writes.

    Raises
    ------
    InputError
        If its settings or inputs are not those of such a diagnosis.
    """
    asked = dict(record["asked"])
    files = [each.path for each in inputs]
    models = [recorded_model(each, files) for each in asked["models"]]
    given = {**asked, "data": recorded_data(asked["data"], files), "models": models}
    config = validate(AttributionConfig, given, "the record")
    return AttributionJob(config, folder, full_paths=any(each.full_path for each in inputs))
