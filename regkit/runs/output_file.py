"""OutputFile: what jobs that write one file, and a record where it is asked for, have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from regkit.errors import InputError
from regkit.runs.inputs import InputFile
from regkit.runs.outputs import Files


@dataclass(frozen=True, kw_only=True)
class OutputFile(ABC):
    """The file that a job writes.

    Parameters
    ----------
    output
        The file to write.
    record
        Where the record goes; None for none, without which nothing can be resumed or repeated.
    overwrite
        Replace what is there.
    full_paths
        Show the folders of the inputs wherever their names are shown.
    """

    role: ClassVar[str]
    """What the file is, in the record."""

    output: Path
    record: Path | None = None
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> Files:
        """The file, and the record where one is asked for."""
        record = [("record", self.record)] if self.record else []
        return Files(((self.role, self.output), *record), self.overwrite)

    @abstractmethod
    def files(self) -> Sequence[tuple[str, Path]]:
        """Every file that it reads, with its role in the record."""

    @abstractmethod
    def plan(self) -> Mapping[str, Any]:
        """What is done, as JSON can hold it."""

    def inputs(self) -> list[InputFile]:
        """Every file that it reads."""
        return [InputFile(role, path, self.full_paths) for role, path in self.files()]

    def settings(self) -> dict[str, Any]:
        """What is done."""
        return {"asked": self.plan()}


def output_file_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path, *, role: str
) -> dict[str, Any]:
    """Read the fields of an :class:`OutputFile` from its record, with its outputs in a folder.

    Parameters
    ----------
    record
        The record of such a job, as it was read.
    inputs
        The files that it names, where they are now.
    folder
        Where the outputs go, under the names that they had.
    role
        What the file is, such as ``image``.

    Raises
    ------
    InputError
        If the names of the outputs are not those of such a file and a record.
    """
    outputs = record["outputs"]
    found = outputs if isinstance(outputs, dict) else {}
    names = [found.get(each) for each in (role, "record")]
    if any(not isinstance(name, str) or Path(name).name != name for name in names):
        raise InputError(f"the record must name outputs for {role} and record; it is damaged")
    given = [(each, Path(str(found[each]))) for each in (role, "record")]
    places = Files(tuple(given)).moved(folder).places()
    return {
        "output": places[role],
        "record": places["record"],
        "full_paths": any(each.full_path for each in inputs),
    }


def paths_in_role(inputs: Sequence[InputFile], role: str) -> tuple[Path, ...]:
    """Return where the inputs of one role are, in their order.

    Examples
    --------
    >>> both = [InputFile("onto", Path("a.nii")), InputFile("image", Path("b.nii"))]
    >>> [path.name for path in paths_in_role(both, "image")]
    ['b.nii']
    """
    return tuple(each.path for each in inputs if each.role == role)
