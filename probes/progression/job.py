"""ProgressionJob: what `regkit progression` is going to do, before anything is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from probes.progression.change import Progression, measure_progression
from probes.progression.checking import check_visits
from probes.progression.config import ProgressionConfig
from probes.progression.page import progression_page
from probes.progression.table import CHANGE_TABLE, change_entries, write_changes
from regkit.errors import InputError
from regkit.io import ReadOptions, open_image, open_labels, read_header, save, write_transform
from regkit.io.header import Header
from regkit.io.options import AS_STORED
from regkit.io.sizes import product
from regkit.report import Page
from regkit.runs import RECORD, Folder, InputFile, Needs, OnProgress, Progress
from regkit.runs.lines import describe
from regkit.runs.record import reading_of
from regkit.settings import validate
from regkit.volume import Labels, Volume

_FEW, _BYTES_A_VOXEL = 512 << 20, 260
_TRANSFORM, _JACOBIAN, _REPORT = "transform.h5", "jacobian.nii.gz", "report.html"
_ROLES = ("baseline", "follow-up", "labels", "repeat")
Structures = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class ProgressionJob:
    """A run of `regkit progression`.

    Parameters
    ----------
    baseline, follow_up
        The visits.
    folder
        Where the results go.
    labels
        Structures of the baseline, on its grid.
    structures
        Names, and the labels that each stands for; every label on its own if empty.
    repeat
        A second scan of the baseline visit: what seems to change there did not.
    years
        Between the visits; the change a year is told too if it is above 0.
    config
        Settings.
    reading
        How files are read.
    overwrite, full_paths
        As in every job.
    """

    kind: ClassVar[str] = "progression"

    baseline: Path
    follow_up: Path
    folder: Path
    labels: Path | None = None
    structures: Structures = ()
    repeat: Path | None = None
    years: float = 0.0
    config: ProgressionConfig = field(default_factory=ProgressionConfig)
    reading: ReadOptions = AS_STORED
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> Folder:
        """The table of changes, the transform, the Jacobian, the report and the record."""
        names = (CHANGE_TABLE, _TRANSFORM, _JACOBIAN, _REPORT, RECORD)
        return Folder(self.folder, names, self.overwrite)

    def inputs(self) -> list[InputFile]:
        """The visits, the labels, and the repeated scan."""
        paths = (self.baseline, self.follow_up, self.labels, self.repeat)
        given = zip(_ROLES, paths, strict=True)
        return [InputFile(role, path, self.full_paths) for role, path in given if path is not None]

    def settings(self) -> dict[str, Any]:
        """Return what is asked, and how files are read."""
        return {"asked": self.plan(), "reading": asdict(self.reading)}

    def plan(self) -> dict[str, Any]:
        """Return all settings."""
        named = {name: list(group) for name, group in self.structures}
        config = self.config.model_dump(mode="json")
        return {"structures": named, "years": self.years, "config": config}

    def check(self) -> None:
        """Refuse structures without labels, two of one name, and years below 0."""
        names = [name for name, _ in self.structures]
        if names and self.labels is None:
            raise InputError(f"structure {names[0]!r} is named without labels; give --labels too")
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"structure {twice!r} is named twice; give all its labels at once")
        if not 0 <= self.years < float("inf"):
            raise InputError(f"years is {self.years:g}; it must be finite, and not below 0")

    def look(self) -> ProgressionSurvey:
        """Read the headers of all files."""
        return ProgressionSurvey(
            self, tuple(read_header(each.path, self.reading) for each in self.inputs())
        )


@dataclass(frozen=True)
class ProgressionSurvey:
    """A measurement whose files have been looked at."""

    job: ProgressionJob
    headers: tuple[Header, ...]

    def needs(self) -> Needs:
        """Estimate memory, by the headers alone."""
        largest = max(self.headers, key=lambda header: product(header.grid.shape))
        return Needs(_FEW + _BYTES_A_VOXEL * product(largest.grid.shape), of=largest.name)

    def open(self) -> ProgressionTask:
        """Read all files, and refuse those that do not belong together."""
        found = dict(zip((each.role for each in self.job.inputs()), self.headers, strict=True))
        images = {role: open_image(h) for role, h in found.items() if role != "labels"}
        labels = open_labels(found["labels"]) if "labels" in found else None
        for other in ("follow-up", "repeat"):
            if other in images:
                check_visits(images["baseline"], images[other], labels)
        return ProgressionTask(
            self.job, images["baseline"], images["follow-up"], labels, images.get("repeat"),
            tuple(describe(role, each, each.name) for role, each in images.items()),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class ProgressionTask:
    """Two visits in memory."""

    job: ProgressionJob
    baseline: Volume
    follow_up: Volume
    labels: Labels | None
    repeat: Volume | None
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> ProgressionOutcome:
        """Measure the change, and that of a repeated scan if there is one."""
        parts = 1 if self.repeat is None else 2

        def measure(other: Volume, part: int, config: ProgressionConfig) -> Progression:
            return measure_progression(
                self.baseline, other, self.labels,
                structures=dict(self.job.structures) or None, config=config,
                on_step=lambda step, share: on_progress(Progress(step, (part + share) / parts)),
            )  # fmt: skip

        found = measure(self.follow_up, 0, self.job.config)
        again = None
        if self.repeat is not None:
            again = measure(self.repeat, 1, self.job.config.model_copy(update={"repeats": 0}))
        return ProgressionOutcome(self.job, self.baseline, found, again)


@dataclass(frozen=True, eq=False)
class ProgressionOutcome:
    """What was measured."""

    job: ProgressionJob
    baseline: Volume
    found: Progression
    again: Progression | None

    def entries(self, seconds: float) -> dict[str, Any]:
        """Return all changes and checks, for the record."""
        checks = [{"passed": each.passed, "text": each.text} for each in self.found.checks]
        return {
            "changes": change_entries(self.found, self.again, self.job.years),
            "plausible": self.found.plausible,
            "checks": checks,
            "difference": self.found.found.difference,
        }

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the table, the transform and the Jacobian."""
        write_changes(record["changes"], places[CHANGE_TABLE])
        write_transform(self.found.transform, places[_TRANSFORM])
        save(self.found.jacobian, places[_JACOBIAN])

    def page(self) -> Page:
        """Return the report."""
        return progression_page(
            self.baseline, self.found, self.again, years=self.job.years,
            settings=self.job.config.model_dump(mode="json"),
        )  # fmt: skip

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return a line that says whether it is plausible, and one a structure, twelve at most."""
        rows = [_line(row) for row in record["changes"]]
        more = [f"and {len(rows) - 12} more"] if len(rows) > 12 else []
        doubts = [check["text"] for check in record["checks"] if not check["passed"]]
        said = ["doubtful: " + " ".join(doubts)] if doubts else ["plausible"]
        return (*said, *rows[:12], *more)


def _line(row: Mapping[str, Any]) -> str:
    if row["percent"] is None:
        return f"{row['structure']}  not known: {row['reason']}"
    known = row["low"] is not None
    interval = f" ({row['low']:+.2f} to {row['high']:+.2f})" if known else ""
    return f"{row['structure']}  {row['percent']:+.2f}{interval} %"


def progression_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> ProgressionJob:
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, inputs, folder
        As of :data:`regkit.runs.kinds.Again`.

    Raises
    ------
    InputError
        If its settings or inputs are not those of a measurement of change.
    """
    paths, asked = {each.role: each.path for each in inputs}, record["asked"]
    if not {"baseline", "follow-up"} <= set(paths) <= set(_ROLES):
        raise InputError("the record must name a baseline and a follow-up; it is damaged")
    try:
        named = tuple((str(n), tuple(map(int, g))) for n, g in asked["structures"].items())
        years = float(asked["years"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"the record does not say what was asked ({error}); it is damaged"
        ) from error
    return ProgressionJob(
        paths["baseline"], paths["follow-up"], folder, paths.get("labels"), named,
        paths.get("repeat"), years, validate(ProgressionConfig, asked.get("config", {}), "option"),
        reading_of(record), full_paths=any(each.full_path for each in inputs),
    )  # fmt: skip
