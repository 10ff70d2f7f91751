"""RelianceJob: a study of feature reliance, planned, run and repeated like any other job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from probes.images.job import ImageJob, describe_samples, unscaled_models
from probes.images.pairs import read_pairs
from probes.images.reading import read_samples
from probes.images.samples import ImageSamples, left_out_line
from probes.images.settings import DataSettings, TruthKind
from probes.reliance.config import RelianceConfig
from probes.reliance.page import reliance_page
from probes.reliance.rows import (
    DONE,
    AuditRow,
    ContrastRow,
    IndexRow,
    SkillRow,
    read_rows,
    write_rows,
)
from probes.reliance.skill import TaskKind
from probes.reliance.study import RelianceTables, run_reliance
from regkit.report import Page
from regkit.runs import OnProgress, Progress

TABLES = {
    "skills": ("skill.csv", SkillRow),
    "indices": ("index.csv", IndexRow),
    "contrasts": ("contrasts.csv", ContrastRow),
    "audits": ("audit.csv", AuditRow),
}


@dataclass(frozen=True)
class RelianceJob(ImageJob):
    """A study of feature reliance.

    Parameters
    ----------
    config, folder, overwrite, full_paths
        As in every :class:`~probes.images.job.ImageJob`.
    """

    kind: ClassVar[str] = "reliance"
    settings_kind = RelianceConfig

    config: RelianceConfig

    @property
    def results(self) -> Sequence[str]:
        """Four tables, or that of the audit alone where no models are asked."""
        names = [name for name, _ in TABLES.values()]
        return names if self.config.models else [TABLES["audits"][0]]

    def open(self) -> RelianceTask:
        """Read the data sets."""
        data = [_read(each, self.config.task) for each in self.config.data]
        said = [
            f"{each.name}: {left_out_line(samples)}"
            for each, samples in zip(self.config.data, data, strict=True)
            if samples.left_out
        ]
        said += [line for samples in data for line in unscaled_models(self.config, samples)]
        return RelianceTask(self, data, tuple(dict.fromkeys(said)))

    def restored(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> RelianceOutcome:
        """Return what a finished run has found, which is in its tables."""
        return RelianceOutcome(self.config, stored_tables(self.folder))


_TRUTHS: Mapping[TaskKind, TruthKind] = {"several-labels": "several", "segmentation": "map"}


def _read(data: DataSettings, task: TaskKind) -> ImageSamples:
    if task == "registration":
        return read_pairs(data)
    return read_samples(data, _TRUTHS.get(task, "class"))


def stored_tables(folder: Path) -> RelianceTables:
    """Read the tables of a finished run that are in a folder."""
    found: dict[str, Any] = {
        attribute: read_rows(kind, folder / name)
        for attribute, (name, kind) in TABLES.items()
        if (folder / name).is_file()
    }
    return RelianceTables(**found)


@dataclass(frozen=True, eq=False)
class RelianceTask:
    """A study whose data sets have been read."""

    job: RelianceJob
    data: Sequence[ImageSamples]
    notices: tuple[str, ...] = ()

    @property
    def introduction(self) -> tuple[str, ...]:
        """A line for each data set."""
        return tuple(
            describe_samples(samples, each.name)
            for each, samples in zip(self.job.config.data, self.data, strict=True)
        )

    def execute(self, on_progress: OnProgress) -> RelianceOutcome:
        """Ask all models; what goes wrong with one of them is in its rows."""
        tables = run_reliance(
            self.job.config, self.data, lambda share: on_progress(Progress("models", share))
        )
        return RelianceOutcome(self.job.config, tables)


@dataclass(frozen=True, eq=False)
class RelianceOutcome:
    """What a study has found."""

    config: RelianceConfig
    tables: RelianceTables

    def entries(self, seconds: float) -> dict[str, Any]:
        """Return the indices, and how many levels could not be asked, for the record."""
        failed = sum(row.status != DONE for row in self.tables.skills)
        indices = [
            {"data": r.data, "model": r.model, "suppressor": r.suppressor, "index": r.index}
            for r in self.tables.indices
        ]
        return {"indices": indices, "levels": len(self.tables.skills), "not_asked": failed}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the tables."""
        for attribute, (name, kind) in TABLES.items():
            if name in places:
                write_rows(kind, getattr(self.tables, attribute), places[name])

    def page(self) -> Page:
        """Return the report."""
        return reliance_page(self.config.study, self.tables, self.config.task, self.config.level)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return a line for each model and data set."""
        return tuple(_lines(self.tables))


def _lines(tables: RelianceTables) -> Iterator[str]:
    models = dict.fromkeys((row.data, row.model) for row in tables.skills)
    for data, model in models:
        own = [row for row in tables.indices if (row.data, row.model) == (data, model)]
        if not own:
            failed = next(r for r in tables.skills if (r.data, r.model) == (data, model))
            yield f"{model} on {data}: {failed.message}"
            continue
        said = ", ".join(f"{row.suppressor} {row.index:.2f}" for row in own)
        yield f"{model} on {data}: reliance {said}"


reliance_again = RelianceJob.again
"""Make the job that a record came from, with its outputs in another folder."""
