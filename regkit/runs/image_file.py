"""ImageFile: what jobs that write one image have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from regkit.errors import InputError
from regkit.io import ReadOptions, check_output
from regkit.io.options import AS_STORED
from regkit.runs.inputs import InputFile
from regkit.runs.outputs import Files
from regkit.runs.record import reading_of


@dataclass(frozen=True, kw_only=True)
class ImageFile(ABC):
    """The file that a job writes, and how it reads others.

    Parameters
    ----------
    output
        The file to write.
    record
        Where the record goes; None for none, without which nothing can be resumed or repeated.
    reading
        How images are read.
    overwrite
        Replace what is there.
    full_paths
        Show the folders of the inputs wherever their names are shown.
    """

    output: Path
    record: Path | None = None
    reading: ReadOptions = AS_STORED
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> Files:
        """The image, and the record where one is asked for."""
        record = [("record", self.record)] if self.record else []
        return Files((("image", self.output), *record), self.overwrite)

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
        """What is done, and how files are read."""
        return {"asked": self.plan(), "reading": asdict(self.reading)}

    def check(self) -> None:
        """Refuse a name that no format writes.

        Raises
        ------
        InputError
            If it is one.
        """
        check_output(self.output, overwrite=self.overwrite)


def image_file_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> dict[str, Any]:
    """Read the fields of an :class:`ImageFile` from its record, with its outputs in a folder.

    Parameters
    ----------
    record
        The record of such a job, as it was read.
    inputs
        The files that it names, where they are now.
    folder
        Where the outputs go, under the names that they had.

    Raises
    ------
    InputError
        If the names of the outputs are not those of an image and a record.
    """
    outputs = record["outputs"]
    found = outputs if isinstance(outputs, dict) else {}
    names = [found.get(role) for role in ("image", "record")]
    if any(not isinstance(name, str) or Path(name).name != name for name in names):
        raise InputError("the record must name an image and a record as outputs; it is damaged")
    given = [(role, Path(str(found[role]))) for role in ("image", "record")]
    places = Files(tuple(given)).moved(folder).places()
    return {
        "output": places["image"],
        "record": places["record"],
        "reading": reading_of(record),
        "full_paths": any(each.full_path for each in inputs),
    }
