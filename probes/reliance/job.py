"""RelianceJob: a study of feature reliance, planned, run and repeated like any other job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from probes.reliance.answers import ImageSamples
from probes.reliance.config import RelianceConfig
from probes.reliance.data.reading import read_samples
from probes.reliance.models import weights_of
from probes.reliance.page import reliance_page
from probes.reliance.rows import (
    DONE,
    AuditRow,
    ContrastRow,
    IndexRow,
    SkillRow,
    write_rows,
)
from probes.reliance.study import RelianceTables, run_reliance
from regkit.errors import InputError
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
        found = [("data", path) for each in self.config.data for path in data_files(each.path)]
        weights = (weights_of(model) for model in self.config.models)
        found += [("weights", path) for path in weights if path is not None]
        return [InputFile(role, path, self.full_paths) for role, path in found]

    def settings(self) -> dict[str, Any]:
        """Return the study with the names of its files, but not their folders."""
        given = self.config.model_dump(mode="json")
        for each in given["data"]:
            each["path"] = Path(each["path"]).name
        for each in given["models"]:
            head, _, tail = each["source"].partition("=")
            each["source"] = f"{head}={tail if head == 'python' else Path(tail).name}"
        return {"asked": given}

    def plan(self) -> dict[str, Any]:
        """Return the same."""
        return dict(self.settings()["asked"])

    def check(self) -> None:
        """Refuse files that are not there."""
        for each in self.config.data:
            if not each.path.exists():
                raise InputError(f"{each.name}: there is no {each.path}; check the path")
        for model in self.config.models:
            path = weights_of(model)
            if path is not None and not path.is_file():
                raise InputError(
                    f"model {model.name}: there is no file {path}; put its weights there"
                )

    def look(self) -> RelianceJob:
        """Return itself: what data sets hold is known when they are read."""
        return self

    def needs(self) -> Needs:
        """Estimate the memory of the data sets from their files."""
        size = sum(each.path.stat().st_size for each in self.inputs() if each.role == "data")
        return Needs(_TIMES * size, of="the data sets", helps="give them a limit or a size")

    def open(self) -> RelianceTask:
        """Read the data sets."""
        several = self.config.task == "several-labels"
        return RelianceTask(self, [read_samples(each, several) for each in self.config.data])


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


def data_files(path: Path) -> list[Path]:
    """List the files of a data set: itself, or all that lie in its folder."""
    return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


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
    asked["data"] = [
        {**each, "path": str(recorded_place(each["path"], files))} for each in asked["data"]
    ]
    asked["models"] = [
        {**each, "source": recorded_source(each["source"], files)} for each in asked["models"]
    ]
    config = validate(RelianceConfig, asked, "the record")
    return RelianceJob(config, folder, full_paths=any(each.full_path for each in inputs))


def recorded_place(name: str, files: Sequence[Path]) -> Path:
    """Find the file of a name, or the folder of a name, among files and the folders they lie in.

    Raises
    ------
    InputError
        If there is none.
    """
    for path in files:
        for place in (path, *path.parents):
            if place.name == name:
                return place
    raise InputError(f"the record names {name}, which is not among the files that are here")


def recorded_source(source: str, files: Sequence[Path]) -> str:
    """Return the source of a model with its file where it is now."""
    head, _, tail = source.partition("=")
    return source if head == "python" else f"{head}={recorded_place(tail, files)}"
