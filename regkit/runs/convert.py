"""ConvertJob: an image from one format to another, its values and its place as they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from regkit.errors import InputError
from regkit.io import (
    ReadOptions,
    check_holds,
    check_output,
    labels_of,
    open_frames,
    read_header,
    save_series,
)  # fmt: skip
from regkit.io.header import Header
from regkit.io.sizes import product
from regkit.resample import warp
from regkit.runs.bands import BandsOutcome, band_when_touched, keeps_bands
from regkit.runs.channels import chooses_channels, with_all_channels
from regkit.runs.image_file import ImageFile, image_file_again
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.look_alike import check_no_labels
from regkit.runs.progress import OnProgress, Progress
from regkit.transforms import Affine
from regkit.volume import Labels, Volume

_FEW, _PER_VOXEL = 64 << 20, 12


@dataclass(frozen=True)
class ConvertJob(ImageFile):
    """One image in another format: what `regkit convert` runs.

    Parameters
    ----------
    image
        What is read, 4-D too.
    labels
        Whether the image holds labels, which are whole numbers. None: it does not, and one that
        looks as if it did is not resampled.
    """

    kind: ClassVar[str] = "convert"

    image: Path
    labels: bool | None = None

    def files(self) -> list[tuple[str, Path]]:
        """The image."""
        return [("image", self.image)]

    def plan(self) -> dict[str, Any]:
        """What is done."""
        return {"labels": bool(self.labels)}

    def look(self) -> ConvertSurvey:
        """Read the header, and refuse what the new format does not hold."""
        header = read_header(self.image, self.reading)
        reading = self.reading if self.labels else with_all_channels(self.reading, header)
        frames = header.each_frame(reading)
        check_output(
            self.output, overwrite=self.overwrite, frames=len(frames), channels=frames[0].kept
        )
        check_holds(self.output, frames[0].grid.straightened())
        return ConvertSurvey(self, header, reading, len(frames))


@dataclass(frozen=True)
class ConvertSurvey:
    """The header of an image, and how it is read."""

    job: ConvertJob
    header: Header
    reading: ReadOptions
    frames: int

    def needs(self) -> Needs:
        """Memory, by the header alone."""
        voxels = product(self.header.grid.shape) * self.frames * self.header.channels
        return Needs(
            _FEW + _PER_VOXEL * voxels,
            of=f"{self.header.name} ({'x'.join(map(str, self.header.grid.shape))})",
            helps="use --frame or --channel",
        )

    def open(self) -> ConvertTask:
        """Nothing more: an image is checked as it is read."""
        grid = self.header.grid
        if grid.straightened() == grid or keeps_bands(self.header, self.job.output, grid):
            return ConvertTask(self)
        size = "x".join(map(str, grid.straightened().shape))
        notice = (
            f"{self.header.name} is sheared; it is resampled at right angles, {size} voxels, and "
            "has its lowest value where it showed nothing"
        )
        return ConvertTask(self, notices=(notice,))


@dataclass(frozen=True)
class ConvertTask:
    """An image that can be read."""

    survey: ConvertSurvey
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> ConvertOutcome | BandsOutcome:
        """Read it; the bands of a scene as they are written."""
        job, header = self.survey.job, self.survey.header
        if keeps_bands(header, job.output, header.grid) and not chooses_channels(job.reading):
            bands = [band_when_touched(header, number) for number in range(header.channels)]
            return BandsOutcome(bands, header.grid, header)
        frames = list(open_frames(header, self.survey.reading))
        if job.labels is None and frames[0].grid.straightened() != frames[0].grid:
            check_no_labels(frames[0])
        on_progress(Progress("reading", 0.5))
        kept = [labels_of(frame, header) for frame in frames] if job.labels else frames
        return ConvertOutcome([_straightened(frame) for frame in kept], header.repetition)


def _straightened(frame: Volume) -> Volume:
    """A frame on the nearest grid whose axes are at right angles, if its own are not."""
    onto = frame.grid.straightened()
    if onto == frame.grid:
        return frame
    lowest = 0.0 if isinstance(frame, Labels) else float(frame.data.min())
    return warp(frame, Affine.identity(onto.ndim), onto=onto, outside=lowest)


@dataclass(frozen=True, eq=False)
class ConvertOutcome:
    """The frames of an image."""

    found: Sequence[Volume]
    repetition: float | None

    def entries(self, seconds: float) -> dict[str, Any]:
        """How many frames there are."""
        return {"frames": len(self.found)}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write them as one file."""
        save_series(self.found, places["image"], repetition=self.repetition)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Nothing that the file does not say."""
        return ()


def convert_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> ConvertJob:
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, inputs, folder
        As of :data:`regkit.runs.kinds.Again`.

    Raises
    ------
    InputError
        If its inputs, outputs or settings are not those of such a job.
    """
    if [each.role for each in inputs] != ["image"] or set(record["asked"]) != {"labels"}:
        raise InputError("the record must name an image that is converted; it is damaged")
    more = image_file_again(record, inputs, folder)
    return ConvertJob(inputs[0].path, bool(record["asked"]["labels"]), **more)
