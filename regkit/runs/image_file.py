"""ImageFile: what jobs that write one image have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from regkit.io import ReadOptions, check_output
from regkit.io.options import AS_STORED
from regkit.runs.inputs import InputFile
from regkit.runs.output_file import OutputFile, output_file_again
from regkit.runs.record import reading_of


@dataclass(frozen=True, kw_only=True)
class ImageFile(OutputFile):
    """The image that a job writes, and how it reads others.

    Parameters
    ----------
    reading
        How images are read.
    """

    role: ClassVar[str] = "image"

    reading: ReadOptions = AS_STORED

    def settings(self) -> dict[str, Any]:
        """What is done, and how files are read."""
        return {**super().settings(), "reading": asdict(self.reading)}

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
    record, inputs, folder
        As of :func:`regkit.runs.output_file.output_file_again`.

    Raises
    ------
    InputError
        If the names of the outputs are not those of an image and a record.
    """
    fields = output_file_again(record, inputs, folder, role=ImageFile.role)
    return {**fields, "reading": reading_of(record)}
