"""SaveJob: a registration that is in memory, written as `regkit register` writes one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from regkit.io.options import AS_STORED
from regkit.registration.config import as_asked
from regkit.registration.result import Result
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.outputs import RECORD, Folder
from regkit.runs.progress import OnProgress
from regkit.runs.register.memory import needed_space
from regkit.runs.register.names import FILES
from regkit.runs.register.outcome import RegisterOutcome
from regkit.runs.running import run


def save_result(result: Result, folder: Path, *, overwrite: bool = False) -> Path:
    """Write the files of a result; see :meth:`regkit.Result.save`.

    Parameters
    ----------
    result
        What a registration returned.
    folder
        Where they go; made where it is missing.
    overwrite
        Replace files that are there.

    Raises
    ------
    InputError
        If a file exists and ``overwrite`` is false, or the folder may not be written.
    ResourceError
        If the disk is full, or would be.
    """
    run(SaveJob(result, folder, overwrite))
    return folder


@dataclass(frozen=True)
class SaveJob:
    """A result as a job whose work is done; it is its own survey and task.

    Parameters
    ----------
    result
        What a registration returned.
    folder
        Where its files go.
    overwrite
        Replace results that are there.
    """

    kind: ClassVar[str] = "register"
    introduction: ClassVar[tuple[str, ...]] = ()
    notices: ClassVar[tuple[str, ...]] = ()

    result: Result
    folder: Path
    overwrite: bool = False

    @property
    def outputs(self) -> Folder:
        """One folder, the record last."""
        return Folder(self.folder, (*FILES, RECORD), self.overwrite)

    def inputs(self) -> tuple[InputFile, ...]:
        """None: what was registered lay in memory."""
        return ()

    def settings(self) -> dict[str, Any]:
        """Those of the result, whose ``auto`` has become something."""
        return {
            "asked": as_asked(self.result.config),
            "backbones": [],
            "reading": asdict(AS_STORED),
        }

    def plan(self) -> dict[str, Any]:
        """The settings."""
        return {"config": self.result.config.model_dump(mode="json")}

    def check(self) -> None:
        """Nothing can be wrong but the outputs, which are checked besides."""

    def look(self) -> SaveJob:
        """There are no headers to read."""
        return self

    def needs(self) -> Needs:
        """Disk alone."""
        fixed = self.result.fixed
        space = needed_space(math.prod(fixed.grid.shape), self.result.config)
        return Needs(disk=space, of=fixed.name or "fixed")

    def open(self) -> SaveJob:
        """There are no files to read."""
        return self

    def execute(self, on_progress: OnProgress) -> SavedOutcome:
        """The result as it is."""
        return SavedOutcome(None, self.result, {}, {})


@dataclass(frozen=True)
class SavedOutcome(RegisterOutcome):
    """What was registered before it was saved."""

    def entries(self, seconds: float) -> dict[str, Any]:
        """Those of a registration, with the time that it took itself."""
        took = sum(stage.seconds for stage in self.result.stages)
        return {**super().entries(took), "seconds": round(took, 2)}

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Nothing that the registration has not said."""
        return ()
