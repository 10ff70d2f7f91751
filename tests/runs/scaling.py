"""A job of somebody else's: numbers in a text file, times a factor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from regkit import InputError
from regkit.report import Check, Page, Section
from regkit.runs import Files, Folder, InputFile, Needs, Progress


@dataclass(frozen=True)
class Scaled:
    numbers: list[float]

    def entries(self, seconds):
        return {"total": sum(self.numbers)}

    def write(self, places, record):
        text = "\n".join(map(str, self.numbers))
        places["numbers.txt"].write_text(f"{record['kind']}\n{text}\n")

    def summary(self, record):
        return [f"done    {record['total']:g} in all"]


@dataclass(frozen=True)
class ScalingJob:
    """A folder of results; headers and inputs are nothing of their own."""

    kind: ClassVar[str] = "scaling"

    source: Path
    folder: Path
    factor: float = 2.0
    memory: int = 0
    overwrite: bool = False

    introduction = ("numbers are read",)
    notices = ("they are few",)

    @property
    def outputs(self):
        return Folder(self.folder, ("numbers.txt", "run.json"), self.overwrite)

    def inputs(self):
        return [InputFile("numbers", self.source)]

    def settings(self):
        return {"asked": {"factor": self.factor, "pair": (1, 2)}}

    def plan(self):
        return {"factor": self.factor, "nothing": None}

    def check(self):
        if self.factor == 0:
            raise InputError("factor 0 leaves nothing; give another one")

    def look(self):
        return self

    def needs(self):
        return Needs(self.memory, of=self.source.name, helps="use fewer numbers")

    def open(self):
        return self

    def execute(self, on_progress):
        on_progress(Progress("scaling", 0.5, line="half of it"))
        return Scaled([self.factor * float(word) for word in self.source.read_text().split()])


@dataclass(frozen=True)
class Reported(Scaled):
    """The same with a report."""

    def page(self):
        shown = Section("Numbers", ["<b>"])
        return Page("Scaled", [Check(len(self.numbers) > 3, "There are enough.")], [shown])


@dataclass(frozen=True)
class ReportingJob(ScalingJob):
    """The same job with a place for a report."""

    kind: ClassVar[str] = "reporting"

    @property
    def outputs(self):
        return Folder(self.folder, ("numbers.txt", "report.html", "run.json"), self.overwrite)

    def execute(self, on_progress):
        return Reported(super().execute(on_progress).numbers)


@dataclass(frozen=True)
class TwoFiles(ScalingJob):
    """The same, into files of which one is not always written."""

    kind: ClassVar[str] = "two-files"

    @property
    def outputs(self):
        paths = {"numbers.txt": self.folder / "n.txt", "more": self.folder / "more.txt"}
        return Files((*paths.items(), ("record", self.folder / "n.json")), self.overwrite)


def again(record, inputs, folder):
    """From a record, for `regkit rerun`."""
    return ScalingJob(inputs[0].path, folder, record["asked"]["factor"])
