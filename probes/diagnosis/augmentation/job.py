"""AugmentationJob: an audit of augmentations, planned, run and repeated like any other job."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from probes.diagnosis.augmentation.changes import augmentation_called
from probes.diagnosis.augmentation.config import AugmentationConfig, read_stack
from probes.diagnosis.augmentation.consistency import AugmentationConsistency, all_consistencies
from probes.diagnosis.augmentation.dates import ObservedPlace, observed_place
from probes.diagnosis.augmentation.page import augmentation_page, outlying_date
from probes.diagnosis.augmentation.table import augmentation_rows
from regkit.errors import InputError
from regkit.report import Page
from regkit.runs import RECORD, Folder, InputFile, Needs, OnProgress, Progress
from regkit.settings import validate

AUGMENTATION_TABLE, AUGMENTATION_REPORT = "augmentations.csv", "report.html"
_DATES = 3  # that a pixel needs
_TIMES = 24  # of the stack in memory, in double precision and against all other dates


@dataclass(frozen=True)
class AugmentationJob:
    """An audit of augmentations on a stack of dates.

    Parameters
    ----------
    config
        The audit.
    folder
        Where the table and the report go.
    overwrite, full_paths
        As in every job.
    """

    kind: ClassVar[str] = "augmentation"

    config: AugmentationConfig
    folder: Path
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> Folder:
        """The table, the report and the record."""
        names = (AUGMENTATION_TABLE, AUGMENTATION_REPORT, RECORD)
        return Folder(self.folder, names, self.overwrite)

    def inputs(self) -> list[InputFile]:
        """List the files of the stack, in order."""
        return [InputFile("date", path, self.full_paths) for path in self.config.files]

    def settings(self) -> dict[str, Any]:
        """Return the audit without the places of its files."""
        return {"asked": self.config.model_dump(mode="json", exclude={"stack", "dates"})}

    def plan(self) -> dict[str, Any]:
        """Return the same."""
        return dict(self.settings()["asked"])

    def check(self) -> None:
        """Refuse files that are not there."""
        for path in self.config.files:
            if not path.is_file():
                raise InputError(f"{path.name}: there is no such file in {path.parent}")

    def look(self) -> AugmentationJob:
        """Return itself: the stack is checked when it is read."""
        return self

    def needs(self) -> Needs:
        """Estimate the memory from the files."""
        size = sum(path.stat().st_size for path in self.config.files)
        return Needs(_TIMES * size, of="the stack", helps="cut out a part of the scene")

    def open(self) -> AugmentationTask:
        """Read the stack."""
        return AugmentationTask(self.config, *read_stack(self.config))


@dataclass(frozen=True, eq=False)
class AugmentationTask:
    """A stack that has been read."""

    config: AugmentationConfig
    stack: Tensor
    valid: Tensor | None
    notices: tuple[str, ...] = ()

    @property
    def introduction(self) -> tuple[str, ...]:
        """A line that says what was read."""
        dates, bands, rows, columns = self.stack.shape
        line = f"stack   {dates} dates, {bands} bands, {rows}x{columns} pixels"
        if self.valid is not None:
            share = float((self.valid.sum(0) >= _DATES).float().mean())
            line += f", {100 * share:.0f} % of them on {_DATES} dates or more"
        return (line,)

    def execute(self, on_progress: OnProgress) -> AugmentationOutcome:
        """Judge one augmentation after the other."""
        names = self.config.augmentations
        place = observed_place(self.stack, self.valid)
        found: list[AugmentationConsistency] = []
        for number, name in enumerate(names, start=1):
            found += all_consistencies(
                [augmentation_called(name)], place, seed=self.config.seed,
                draws=self.config.draws, colours=self.config.places_of_colours,
            )  # fmt: skip
            on_progress(Progress("augmentations", number / len(names)))
        return AugmentationOutcome(self.config, place, found)


@dataclass(frozen=True, eq=False)
class AugmentationOutcome:
    """What was found."""

    config: AugmentationConfig
    place: ObservedPlace
    found: Sequence[AugmentationConsistency]

    def entries(self, seconds: float) -> dict[str, Any]:
        """Return which augmentations are inconsistent, for the record."""
        wrong = [f"{e.augmentation} {e.strength:g}" for e in self.found if not e.consistent]
        outlying = {f"{date}": times for date, times in self.place.outlying_dates.items()}
        return {"inconsistent": wrong, "judged": len(self.found), "outlying_dates": outlying}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write a row for each augmentation, strength and measure."""
        with places[AUGMENTATION_TABLE].open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(augmentation_rows(self.found))

    def page(self) -> Page:
        """Return the report."""
        return augmentation_page(self.config.study, self.place, self.found)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return a line that names what is inconsistent."""
        wrong = ", ".join(record["inconsistent"]) or "none"
        outlying = (outlying_date(*each) for each in self.place.outlying_dates.items())
        return (f"Beyond what the place does by itself: {wrong}", *outlying)


def augmentation_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> AugmentationJob:
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, folder
        As of :data:`regkit.runs.kinds.Again`.
    inputs
        The files of the stack, where they are now.

    Raises
    ------
    InputError
        If its settings or inputs are not those of such an audit.
    """
    paths = [str(each.path) for each in inputs]
    is_array = len(paths) == 1 and paths[0].endswith(".npy")
    files = {"stack": paths[0]} if is_array else {"dates": paths}
    config = validate(AugmentationConfig, {**record["asked"], **files}, "the record")
    return AugmentationJob(config, folder, full_paths=any(each.full_path for each in inputs))
