"""RelianceJob: a study of feature reliance, planned, run and repeated like any other job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from probes.images.pairs import read_pairs
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
from probes.images.settings import DataSettings, TruthKind
from probes.reliance.config import RelianceConfig
from probes.reliance.page import reliance_page
from probes.reliance.rows import (
    DONE,
    AuditRow,
    ContrastRow,
    IndexRow,
    SkillRow,
    write_rows,
)
from probes.reliance.skill import TaskKind
from probes.reliance.study import RelianceTables, run_reliance
from regkit.report import Page
from regkit.runs import RECORD, Folder, InputFile, Needs, OnProgress, Progress
from regkit.settings import validate

TABLES = {
    "skills": ("skill.csv", SkillRow),
    "indices": ("index.csv", IndexRow),
    "contrasts": ("contrasts.csv", ContrastRow),
    "audits": ("audit.csv", AuditRow),
}
RELIANCE_REPORT = "report.html"
_TIMES = 6  # copies of a data set in memory: as stored, as numbers, and statistics of bands


@dataclass(frozen=True)
class RelianceJob:
    """A study of feature reliance.

    Parameters
    ----------
    config
        The study; without models it is an audit of the suppressors on its data.
    folder
        Where the tables and the report go.
    overwrite, full_paths
        As in every job.
    """

    kind: ClassVar[str] = "reliance"

    config: RelianceConfig
    folder: Path
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> Folder:
        """Four tables, the report and the record."""
        names = [name for name, _ in TABLES.values()]
        if not self.config.models:
            names = [TABLES["audits"][0]]
        return Folder(self.folder, (*names, RELIANCE_REPORT, RECORD), self.overwrite)

    def inputs(self) -> list[InputFile]:
        """List every file of the data sets, and the weights of the models."""
        return image_inputs(self.config.data, self.config.models, self.full_paths)

    def settings(self) -> dict[str, Any]:
        """Return the study with the names of its files, but not their folders."""
        given = self.config.model_dump(mode="json")
        given["data"] = [dumped_data(each) for each in self.config.data]
        given["models"] = [dumped_model(each) for each in self.config.models]
        return {"asked": given}

    def plan(self) -> dict[str, Any]:
        """Return the same."""
        return dict(self.settings()["asked"])

    def check(self) -> None:
        """Refuse files that are not there."""
        check_places(self.config.data, self.config.models)

    def look(self) -> RelianceJob:
        """Return itself: what data sets hold is known when they are read."""
        return self

    def needs(self) -> Needs:
        """Estimate the memory of the data sets from their files."""
        return Needs(
            _TIMES * data_size(self.config.data),
            of="the data sets",
            helps="give them a limit or a size",
        )

    def open(self) -> RelianceTask:
        """Read the data sets."""
        return RelianceTask(self, [_read(each, self.config.task) for each in self.config.data])


_TRUTHS: Mapping[TaskKind, TruthKind] = {"several-labels": "several", "segmentation": "map"}


def _read(data: DataSettings, task: TaskKind) -> ImageSamples:
    if task == "registration":
        return read_pairs(data)
    return read_samples(data, _TRUTHS.get(task, "class"))


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
            f"data    {each.name}: {len(samples)} images of "
            f"{'x'.join(map(str, samples.images.shape[2:]))}, {samples.images.shape[1]} bands"
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


def reliance_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> RelianceJob:
    """Make the job that a record came from, with another folder.

    Parameters
    ----------
    record
        What `regkit reliance` wrote; its ``asked`` holds the settings.
    inputs
        The files of data sets and weights, where they are now.
    folder
        Where the new job writes.

    Raises
    ------
    InputError
        If its settings or inputs are not those of such a study.
    """
    asked = dict(record["asked"])
    files = [each.path for each in inputs]
    asked["data"] = [recorded_data(each, files) for each in asked["data"]]
    asked["models"] = [recorded_model(each, files) for each in asked["models"]]
    config = validate(RelianceConfig, asked, "the record")
    return RelianceJob(config, folder, full_paths=any(each.full_path for each in inputs))
