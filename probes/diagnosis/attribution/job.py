"""AttributionJob: what maps of attribution are worth, run and repeated like any other job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from probes.diagnosis.attribution.config import AttributionConfig
from probes.diagnosis.attribution.labelled import label_matrix
from probes.diagnosis.attribution.page import attribution_page
from probes.diagnosis.attribution.rows import MethodRow, RelevanceRow, TrustRow
from probes.diagnosis.attribution.study import ModelDiagnosis, run_attribution
from probes.images.job import ImageJob, describe_samples, unscaled_models
from probes.images.reading import read_samples
from probes.images.samples import ImageSamples, leave_out_gaps
from probes.reliance.rows import write_rows
from regkit.report import Page
from regkit.runs import OnProgress, Progress

METHODS_TABLE, TRUST_TABLE, RELEVANCE_TABLE = "methods.csv", "trust.csv", "relevance.csv"
MAPS_FILE = "maps.npz"


@dataclass(frozen=True)
class AttributionJob(ImageJob):
    """A diagnosis of attribution.

    Parameters
    ----------
    config, folder, overwrite, full_paths
        As in every :class:`~probes.images.job.ImageJob`.
    """

    kind: ClassVar[str] = "attribution"
    settings_kind = AttributionConfig

    config: AttributionConfig

    @property
    def results(self) -> Sequence[str]:
        """Three tables and the maps."""
        return METHODS_TABLE, TRUST_TABLE, RELEVANCE_TABLE, MAPS_FILE

    def open(self) -> AttributionTask:
        """Read the data set."""
        samples = read_samples(
            self.config.data, "several" if self.config.task == "several-labels" else "class"
        )
        label_matrix(samples)
        notices = leave_out_gaps(samples)[1] + unscaled_models(self.config, samples)
        return AttributionTask(self.config, samples, notices)


@dataclass(frozen=True, eq=False)
class AttributionTask:
    """A diagnosis whose data set has been read."""

    config: AttributionConfig
    samples: ImageSamples
    notices: tuple[str, ...] = ()

    @property
    def introduction(self) -> tuple[str, ...]:
        """A line that says what was read."""
        return (describe_samples(self.samples),)

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
        return attribution_page(self.config.study, self.config, self.found)

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


attribution_again = AttributionJob.again
"""Make the job that a record came from, with its outputs in another folder."""
