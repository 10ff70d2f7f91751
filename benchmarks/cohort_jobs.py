"""Rows of a job that does next to nothing, to see what a cohort itself takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from regkit.cohort import PairRow, RowKind
from regkit.runs import RECORD, Folder, InputFile, Needs, OnProgress


@dataclass(frozen=True)
class TrivialJob:
    """Writes its number; it is its own survey, task and outcome."""

    kind: ClassVar[str] = "trivial"
    introduction: ClassVar[tuple[str, ...]] = ()
    notices: ClassVar[tuple[str, ...]] = ()

    number: int
    folder: Path

    @property
    def outputs(self) -> Folder:
        """One file and the record."""
        return Folder(self.folder, ("number.txt", RECORD), overwrite=True)

    def inputs(self) -> Sequence[InputFile]:
        """None."""
        return ()

    def settings(self) -> Mapping[str, Any]:
        """The number."""
        return {"asked": {"number": self.number}}

    def plan(self) -> Mapping[str, Any]:
        """Nothing more."""
        return {}

    def check(self) -> None:
        """Nothing can be wrong."""

    def look(self) -> TrivialJob:
        """There is nothing to look at."""
        return self

    def needs(self) -> Needs:
        """Nothing."""
        return Needs()

    def open(self) -> TrivialJob:
        """There is nothing to open."""
        return self

    def execute(self, on_progress: OnProgress) -> TrivialJob:
        """There is nothing to do."""
        return self

    def entries(self, seconds: float) -> Mapping[str, Any]:
        """One metric."""
        return {"metrics": {"number": float(self.number)}}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the number."""
        places["number.txt"].write_text(f"{self.number}\n")

    def summary(self, record: Mapping[str, Any]) -> Sequence[str]:
        """Nothing."""
        return ()


def make(row: PairRow, folder: Path) -> TrivialJob:
    """The job of a row, by its line."""
    return TrivialJob(row.line, folder)


TRIVIAL = RowKind("trivial", make, required=())
