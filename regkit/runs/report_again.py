"""The report of a finished run, made again from its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regkit.digests import sha256
from regkit.errors import InputError
from regkit.io import publish_files
from regkit.io.names import display_name
from regkit.runs.job import Restorable
from regkit.runs.kinds import job_again, kind_of
from regkit.runs.outputs import RECORD, is_report
from regkit.runs.record import read_record, write_record
from regkit.runs.rerun import find_inputs

_FEW = 4


@dataclass(frozen=True)
class FinishedRun:
    """A run that is done: its record, and the folder that it lies in.

    Parameters
    ----------
    path
        The record.
    record
        What it says.
    """

    path: Path
    record: Mapping[str, Any]

    @classmethod
    def of(cls, run: Path) -> FinishedRun:
        """Find the record of a run.

        Parameters
        ----------
        run
            The folder that a command wrote, or the record itself.

        Raises
        ------
        InputError
            If there is none.
        """
        path = run / RECORD if run.is_dir() else run
        if not path.is_file():
            raise InputError(
                f"{display_name(run)}: holds no {RECORD}; give the folder or the record that a "
                "command of regkit wrote, of a cohort that of one row"
            )
        return cls(path, read_record(path))

    @property
    def report(self) -> Path:
        """Where its report is, or was.

        Raises
        ------
        InputError
            If it has none.
        """
        places = self._places()
        names = [name for name in places if is_report(name)]
        if not names:
            results = _first([path.name for path in places.values() if path != self.path])
            raise InputError(
                f"{display_name(self.path)}: a run of {kind_of(self.record)!r:.40} makes no "
                f"report; look at what it wrote: {results}"
            )
        return places[names[0]]

    def report_again(self, folders: Sequence[Path], output: Path | None = None) -> Path:
        """Make the report from the files of the run, computing nothing anew.

        Parameters
        ----------
        folders
            Where its inputs are looked for, by name and SHA-256.
        output
            The HTML file to write; by default the report of the run is replaced, and its record
            says so.

        Returns
        -------
        Path
            Where it was written.

        Raises
        ------
        InputError
            If an input or an output is missing or another one now, or reports of this kind of run
            cannot be made from files.
        """
        from regkit.report import write_page

        place = self.report
        if output is not None and not is_report(output.name):
            raise InputError(f"{display_name(output)}: a report is HTML; give a name in .html")
        inputs = find_inputs(self.record, folders)
        self._check_outputs()
        job = job_again(self.record, inputs, self.path.parent)
        if not isinstance(job, Restorable):
            raise InputError(
                f"{display_name(self.path)}: the report of a run of {kind_of(self.record)!r:.40} "
                "shows what no file keeps; `regkit rerun RUN.JSON -o FOLDER` makes it with the run"
            )
        page = job.restored(self._places(), self.record).page()
        if output is not None:
            return write_page(page, output, record=self.record)
        with publish_files([place, self.path], overwrite=True) as staged:
            write_page(page, staged[place], record=self.record)
            write_record(self._with_digest(place, staged[place]), staged[self.path])
        return place

    def _with_digest(self, place: Path, staged: Path) -> dict[str, Any]:
        name = next(name for name, path in self._places().items() if path == place)
        return {**self.record, "sha256": {**self.record["sha256"], name: sha256(staged)}}

    def _check_outputs(self) -> None:
        """Refuse files that are not those of the run: a report of them would be of another one."""
        for name, path in self._places().items():
            known = self.record["sha256"].get(name)
            if known is None or is_report(name):
                continue
            if not path.is_file() or sha256(path) != known:
                state = "is another file now" if path.is_file() else "is missing"
                raise InputError(
                    f"{display_name(path)}: {state}, and the report is made of it; "
                    "`regkit rerun RUN.JSON -o FOLDER` makes all files again"
                )

    def _places(self) -> dict[str, Path]:
        """Where its outputs are: in the folder of the record, by the names that it gives."""
        outputs = self.record["outputs"]
        files = outputs if isinstance(outputs, dict) else {name: name for name in outputs}
        if not all(isinstance(file, str) and _stays_inside(file) for file in files.values()):
            raise InputError(
                f"{display_name(self.path)}: names outputs outside of its folder; it is damaged"
            )
        return {str(name): self.path.parent / file for name, file in files.items()}


def _stays_inside(file: str) -> bool:
    """Whether a path leads to a file of the folder that it is relative to."""
    parts = Path(file).parts
    return bool(parts) and not Path(file).is_absolute() and ".." not in parts


def _first(names: Sequence[str]) -> str:
    """The first few of many names."""
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more
