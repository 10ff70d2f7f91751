"""TableJob: what studies by probes of the images of a table share with each other."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from probes.study.config import ProbeConfig
from probes.study.records import OF_RUN, data_digests, table_inputs
from probes.study.tables import PAGE, PREDICTIONS, RESULTS
from probes.table import ProbeTable, read_study_table
from regkit.runs import RECORD, Folder, InputFile


@dataclass(frozen=True)
class TableJob(ABC):
    """A study by probes: its files and settings.

    Parameters
    ----------
    config
        The study.
    folder
        Where results go.
    overwrite, full_paths
        As in every job.
    """

    further: ClassVar[tuple[str, ...]] = ()
    """Names of the settings that are files besides the table, and the roles of these."""

    config: ProbeConfig
    folder: Path
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> Folder:
        """The long table, the predictions, the report and the record."""
        return Folder(self.folder, (RESULTS, PREDICTIONS, PAGE, RECORD), self.overwrite)

    def table(self) -> ProbeTable:
        """Read the table."""
        return read_study_table(self.config.layout, self.config.table, self.config.columns)

    def inputs(self) -> list[InputFile]:
        """List the tables and further files; images of the table are part of the settings."""
        given = [(name, getattr(self.config, name)) for name in self.further]
        more = [InputFile(role, path, self.full_paths) for role, path in given if path is not None]
        return table_inputs(self.config, self.table(), full_paths=self.full_paths) + more

    def settings(self) -> dict[str, Any]:
        """Return what is asked, and the SHA-256 of the images."""
        asked = self.config.model_dump(mode="json", exclude={*OF_RUN, *self.further})
        return {"asked": asked, "data": data_digests(self.table())}

    def plan(self) -> dict[str, Any]:
        """Return what is asked."""
        return {"config": self.config.model_dump(mode="json", exclude=OF_RUN)}
