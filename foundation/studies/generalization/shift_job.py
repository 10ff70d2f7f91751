"""ShiftJob: store an image as another scanner might have made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from foundation.prompts import seed_of
from foundation.studies.generalization.shifts import shift_called
from regkit.errors import InputError
from regkit.io import open_image, read_header, save
from regkit.io.header import Header
from regkit.io.sizes import product
from regkit.runs import Files, InputFile, Needs, OnProgress
from regkit.volume import Volume

_BYTES_A_VOXEL = 40


@dataclass(frozen=True)
class ShiftJob:
    """One image, one shift, one severity.

    Parameters
    ----------
    image
        What is shifted.
    case, shift, severity, seed
        What the draws depend on.
    output
        The file to write; its record lies beside it.
    overwrite
        Replace what is there.
    """

    kind: ClassVar[str] = "domain-shift"

    image: Path
    case: str
    shift: str
    severity: int
    seed: int
    output: Path
    overwrite: bool = False

    @property
    def outputs(self) -> Files:
        """The image and its record."""
        record = self.output.with_name(self.output.name.removesuffix(".nii.gz") + ".json")
        return Files((("image", self.output), ("record", record)), self.overwrite)

    def inputs(self) -> list[InputFile]:
        """List the image."""
        return [InputFile("image", self.image)]

    def settings(self) -> dict[str, Any]:
        """Return the shift, its severity and the seed."""
        return {"asked": self.plan()}

    def plan(self) -> dict[str, Any]:
        """Return the same."""
        return {
            "case": self.case, "shift": self.shift, "severity": self.severity, "seed": self.seed
        }  # fmt: skip

    def check(self) -> None:
        """Refuse a shift that there is not."""
        shift_called(self.shift)

    def look(self) -> ShiftSurvey:
        """Read the header of the image."""
        return ShiftSurvey(self, read_header(self.image))


@dataclass(frozen=True)
class ShiftSurvey:
    """An image whose header has been looked at."""

    job: ShiftJob
    header: Header

    def needs(self) -> Needs:
        """Estimate the memory."""
        return Needs(_BYTES_A_VOXEL * product(self.header.grid.shape), of=self.header.name)

    def open(self) -> ShiftTask:
        """Read the image."""
        return ShiftTask(self.job, open_image(self.header))


@dataclass(frozen=True, eq=False)
class ShiftTask:
    """An image in memory."""

    job: ShiftJob
    image: Volume
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> ShiftOutcome:
        """Shift it."""
        job = self.job
        seed = seed_of(job.seed, job.case, "", job.shift, job.severity)
        drawn = np.random.default_rng(seed)
        return ShiftOutcome(shift_called(job.shift).apply(self.image, job.severity, drawn))


@dataclass(frozen=True, eq=False)
class ShiftOutcome:
    """The shifted image."""

    image: Volume

    def entries(self, seconds: float) -> dict[str, Any]:
        """Return nothing that the settings do not say."""
        return {}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the image."""
        save(self.image, places["image"])

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return no line."""
        return ()


def shift_again(record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path) -> ShiftJob:
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, folder
        As of :data:`regkit.runs.kinds.Again`.
    inputs
        The image.

    Raises
    ------
    InputError
        If the record is not one of those.
    """
    outputs = record["outputs"]
    name = outputs.get("image") if isinstance(outputs, dict) else None
    if len(inputs) != 1 or not name or Path(str(name)).name != name:
        raise InputError("the record must name one image and one result; it is damaged")
    try:
        return ShiftJob(image=inputs[0].path, output=folder / name, **record["asked"])
    except TypeError as error:
        raise InputError(f"the record asks for what is no shift: {error}") from error
