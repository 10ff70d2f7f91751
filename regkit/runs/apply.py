"""ApplyJob: an image or label map through transforms that were found before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io import (
    ReadOptions,
    check_holds,
    check_output,
    labels_of,
    open_frames,
    read_header,
    save_series,
)
from regkit.io.chain import open_chain
from regkit.io.header import Header
from regkit.io.sizes import product
from regkit.resample import INTERPOLATIONS, Interpolation, warp
from regkit.runs.bands import BandsTask, check_bands, keeps_bands
from regkit.runs.channels import chooses_channels, with_all_channels
from regkit.runs.image_file import ImageFile, image_file_again
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.look_alike import check_no_labels
from regkit.runs.origin import check_direction
from regkit.runs.progress import OnProgress, Progress
from regkit.transforms import Transform
from regkit.volume import Volume

_FEW = 64 << 20
_LATTICE = 16  # points along an axis by which one sees whether images meet
# An image as it is stored, as it is sampled, and once more while it is checked; the result likewise
# with the points at which it is sampled, slab by slab.
_PER_VOXEL = 12


@dataclass(frozen=True)
class ApplyJob(ImageFile):
    """One image through transforms: what `regkit apply` runs.

    Parameters
    ----------
    image
        What is moved, 4-D too.
    transforms
        Files of transforms from points of the reference to points of the image, in the order in
        which a point passes them.
    onto
        The reference, whose grid the result takes.
    labels
        Whether the image holds labels. None: it does not, and one that looks as if it did is
        refused.
    outside
        Value beyond the image.
    interpolation
        As of :func:`regkit.resample.warp`; None for the usual one.
    """

    kind: ClassVar[str] = "apply"

    image: Path
    transforms: tuple[Path, ...]
    onto: Path
    labels: bool | None = None
    outside: float = 0.0
    interpolation: Interpolation | None = None

    def files(self) -> list[tuple[str, Path]]:
        """The image, the reference and the transforms."""
        given = [("image", self.image), ("onto", self.onto)]
        return given + [("transform", path) for path in self.transforms]

    def plan(self) -> dict[str, Any]:
        """What is done."""
        asked = {"labels": bool(self.labels), "outside": self.outside}
        return (
            asked if self.interpolation is None else {**asked, "interpolation": self.interpolation}
        )

    def look(self) -> ApplySurvey:
        """Read the headers of the reference and the image."""
        # All frames and channels of a reference lie on one grid.
        reference = read_header(self.onto, self.reading).of(frame=0, channel=0)
        check_holds(self.output, reference.grid.straightened())
        header = read_header(self.image, self.reading)
        reading = self.reading if self.labels else with_all_channels(self.reading, header)
        frames = header.each_frame(reading)
        kept = frames[0].kept
        check_output(self.output, overwrite=self.overwrite, frames=len(frames), channels=kept)
        if len(self.transforms) == 1:
            check_direction(self.transforms[0], self.image)
        return ApplySurvey(self, reference, header, reading, len(frames), kept)


@dataclass(frozen=True)
class ApplySurvey:
    """The headers of an image and its reference."""

    job: ApplyJob
    reference: Header
    header: Header
    reading: ReadOptions
    frames: int
    channels: int

    def needs(self) -> Needs:
        """Memory and disk, by the headers alone."""
        voxels = product(self.header.grid.shape) + product(self.reference.grid.shape)
        return Needs(
            _FEW + _PER_VOXEL * voxels * self.frames * self.channels,
            of=f"{self.header.name} ({'x'.join(map(str, self.header.grid.shape))})",
            helps="use --frame, or an image with larger voxels",
        )

    def open(self) -> ApplyTask | BandsTask:
        """Read the reference, the transforms and every frame."""
        job = self.job
        grid = self.reference.grid.straightened()
        phi = open_chain(job.transforms)
        _check_overlap(phi, grid, self.header, self.reference.name)
        keeps = keeps_bands(self.header, job.output, grid) and not chooses_channels(job.reading)
        if keeps and job.interpolation not in (None, "linear", "nearest"):
            raise InputError(
                f"{self.header.name}: a scene is resampled linear or nearest, not "
                f"{job.interpolation}"
            )
        nearest = job.labels is True or job.interpolation == "nearest"
        asks = job.labels is None and not nearest
        if keeps:
            if asks:
                check_bands(self.header)
            return BandsTask(self.header, phi, grid, nearest=nearest)
        frames = [
            labels_of(frame, self.header) if job.labels else frame
            for frame in open_frames(self.header, self.reading)
        ]
        if asks:
            check_no_labels(frames[0])
        return ApplyTask(frames, phi, grid, job.outside, self.header.repetition, job.interpolation)


def _check_overlap(phi: Transform, grid: Grid, image: Header, onto: str) -> None:
    """Refuse a transform that leads past the image: the result would be empty."""
    if phi.ndim != grid.ndim or image.grid.ndim != grid.ndim:
        return  # refused where it is warped
    # A coarse look tells nearly always; a small image in a large reference takes a whole one.
    if not any(bool(image.grid.contains(phi(points)).any()) for points in _some_then_all(grid)):
        raise InputError(
            f"{image.name}: no point of {onto} falls into it through the transform; give the "
            "image and the reference that the transform is of"
        )


def _some_then_all(grid: Grid) -> Iterator[Tensor]:
    yield _lattice(grid)
    for rows in grid.slabs():
        yield grid.world_points(rows).flatten(0, -2)


def _lattice(grid: Grid) -> Tensor:
    """Some points of a grid, far apart ``(n, d)``, in its world."""
    axes = [torch.linspace(0, n - 1, min(n, _LATTICE), dtype=torch.float64) for n in grid.shape]
    return grid.to_world(torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2))


@dataclass(frozen=True, eq=False)
class ApplyTask:
    """Frames and a transform in memory."""

    frames: Sequence[Volume]
    phi: Transform
    grid: Grid
    outside: float
    repetition: float | None
    interpolation: Interpolation | None = None
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> ApplyOutcome:
        """Resample frame by frame."""
        warped = []
        for number, frame in enumerate(self.frames, start=1):
            found = warp(
                frame,
                self.phi,
                onto=self.grid,
                outside=self.outside,
                interpolation=self.interpolation,
            )
            warped.append(found)
            on_progress(Progress("warping", number / len(self.frames)))
        return ApplyOutcome(warped, self.repetition)


@dataclass(frozen=True, eq=False)
class ApplyOutcome:
    """Frames on the grid of the reference."""

    warped: Sequence[Volume]
    repetition: float | None

    def entries(self, seconds: float) -> dict[str, Any]:
        """How many frames there are."""
        return {"frames": len(self.warped)}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write them as one file."""
        save_series(self.warped, places["image"], repetition=self.repetition)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Nothing that the file does not say."""
        return ()


def apply_again(record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path) -> ApplyJob:
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record
        The ``run.json`` of a warp, as it was read.
    inputs
        The files that it names, where they are now.
    folder
        Where the outputs go, under the names that they had.

    Raises
    ------
    InputError
        If its inputs, outputs or settings are not those of such a job.
    """
    found = {each.role: each.path for each in inputs if each.role != "transform"}
    transforms = tuple(each.path for each in inputs if each.role == "transform")
    asked = record["asked"]
    if set(found) != {"image", "onto"} or not transforms or not _is_asked(asked):
        raise InputError("the record must name an image, a reference and transforms; it is damaged")
    return ApplyJob(
        found["image"], transforms, found["onto"], bool(asked["labels"]), float(asked["outside"]),
        asked.get("interpolation"),
        **image_file_again(record, inputs, folder),
    )  # fmt: skip


def _is_asked(asked: Mapping[str, Any]) -> bool:
    whole = {"labels", "outside"} <= set(asked) <= {"labels", "outside", "interpolation"}
    return whole and asked.get("interpolation") in (None, *INTERPOLATIONS)
