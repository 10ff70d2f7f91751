"""GeoShiftJob: another file of a scene gets the shift that was found with --shift-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io import read_header
from regkit.io.formats.geotiff import GEOTIFF
from regkit.io.formats.geotiff.moved import moved_geotiff
from regkit.io.header import Header
from regkit.io.names import extension
from regkit.runs.image_file import ImageFile, image_file_again
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.origin import transform_from
from regkit.runs.outputs import RECORD
from regkit.runs.progress import OnProgress
from regkit.runs.record import read_record


@dataclass(frozen=True)
class GeoShiftJob(ImageFile):
    """One GeoTIFF with another geotransform: what `regkit apply` runs after --shift-only.

    Parameters
    ----------
    image
        A file of the scene that was registered, at any resolution.
    run
        The record of that registration.
    """

    kind: ClassVar[str] = "shift"

    image: Path
    run: Path

    def files(self) -> list[tuple[str, Path]]:
        """The file, and the record."""
        return [("image", self.image), ("run", self.run)]

    def plan(self) -> dict[str, Any]:
        """Nothing is asked but the shift of the record."""
        return {}

    def look(self) -> Shift:
        """Read the header of the file, and the shift.

        Raises
        ------
        InputError
            If the file is no GeoTIFF, or does not lie in the CRS of the scene.
        """
        header = read_header(self.image, self.reading)
        if header.format != GEOTIFF.name or extension(self.output) not in GEOTIFF.writable:
            raise InputError(
                f"{header.name}: only a GeoTIFF is shifted without resampling, and stays one (.tif)"
            )
        by, crs = recorded_shift(read_record(self.run))
        if header.grid.world.crs != crs:
            raise InputError(
                f"{header.name}: lies in {header.grid.world.crs_name}, and the scene that was "
                "registered in another CRS; give files of that scene, or --onto to resample"
            )
        return Shift(header, by)


@dataclass(frozen=True, eq=False)
class Shift:
    """A file and its shift, which is the survey, the task and the outcome of the job.

    Parameters
    ----------
    header
        Of the file.
    by
        What is added to its easting and northing, in units of its CRS.
    """

    header: Header
    by: tuple[float, float]
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def needs(self) -> Needs:
        """As much on the disk as the file has."""
        return Needs(0, self.header.path.stat().st_size)

    def open(self) -> Shift:
        """Nothing is read."""
        return self

    def execute(self, on_progress: OnProgress) -> Shift:
        """Nothing is computed."""
        return self

    def entries(self, seconds: float) -> dict[str, Any]:
        """By how much it was shifted."""
        return {"shift": shift_entry(self.by, self.header.grid)}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Copy the file, and rewrite its geotransform."""
        grid = self.header.grid
        affine = np.array(grid.affine)
        affine[:2, 2] += self.by
        moved_geotiff(self.header.path, places["image"], grid.placed(grid.shape, affine))

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """How far it was moved."""
        east, north = self.by
        return (f"done    moved by {east:.3f} and {north:.3f} {self.header.grid.world.unit}",)


def shift_entry(by: Sequence[float], grid: Grid) -> dict[str, Any]:
    """What a record says of a shift: by how much, and in which CRS."""
    return {"by": list(by), "crs": grid.world.crs}


def recorded_shift(record: Mapping[str, Any]) -> tuple[tuple[float, float], str]:
    """Read a shift from a record.

    Raises
    ------
    InputError
        If there is none.
    """
    said = record.get("shift")
    said = said if isinstance(said, dict) else {}
    by, crs = said.get("by"), said.get("crs")
    if not isinstance(crs, str) or not isinstance(by, list) or len(by) != 2:
        raise InputError("the record tells of no shift of a scene; register once more")
    east, north = (float(each) for each in by)
    return (east, north), crs


def shift_only(run: Path) -> Path | None:
    """Return the record of a registration that only shifted a scene; None for another one.

    Raises
    ------
    InputError
        If the folder is not that of a whole registration.
    """
    path = transform_from(run, "fixed").with_name(RECORD)
    asked = read_record(path).get("asked")
    return path if isinstance(asked, dict) and asked.get("shift_only") else None


def geo_shift_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> GeoShiftJob:
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, inputs, folder
        As of :data:`regkit.runs.kinds.Again`.

    Raises
    ------
    InputError
        If its inputs or outputs are not those of such a job.
    """
    found = {each.role: each.path for each in inputs}
    if set(found) != {"image", "run"}:
        raise InputError("the record must name an image and the record of a run; it is damaged")
    return GeoShiftJob(found["image"], found["run"], **image_file_again(record, inputs, folder))
