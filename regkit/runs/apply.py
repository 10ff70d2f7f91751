"""ApplyJob: an image or label map through transforms that were found before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
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
)
from regkit.io.chain import images_beside, open_chain
from regkit.io.header import Header
from regkit.io.sizes import product
from regkit.resample import INTERPOLATIONS, Interpolation
from regkit.runs.apply_task import ApplyTask
from regkit.runs.bands import BandsTask, check_bands, keeps_bands
from regkit.runs.channels import chooses_channels, with_all_channels
from regkit.runs.image_file import ImageFile, image_file_again
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.look_alike import check_no_labels
from regkit.runs.origin import check_direction
from regkit.runs.output_file import paths_in_role
from regkit.runs.turned import TurnedValues
from regkit.runs.turned_task import TurnedTask
from regkit.transforms import Transform

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
    voxel
        Size of the result's voxels in world units, over the extent of the reference: one number,
        or one for each axis; None for the voxels of the reference.
    turned
        What the values of a voxel mean together where they have a direction.
    program
        Whose the transforms are, where a file does not tell.
    """

    kind: ClassVar[str] = "apply"

    image: Path
    transforms: tuple[Path, ...]
    onto: Path
    labels: bool | None = None
    outside: float = 0.0
    interpolation: Interpolation | None = None
    voxel: tuple[float, ...] | None = None
    turned: TurnedValues | None = None
    program: str | None = None

    def files(self) -> list[tuple[str, Path]]:
        """The image, the reference and the transforms."""
        given = [("image", self.image), ("onto", self.onto)]
        return given + [("transform", path) for path in self.transforms]

    def plan(self) -> dict[str, Any]:
        """What is done; what was not asked for is not there."""
        more = {
            "interpolation": self.interpolation,
            "voxel": self.voxel,
            "turned": self.turned.as_record() if self.turned else None,
            "from": self.program,
        }
        asked = {"labels": bool(self.labels), "outside": self.outside}
        return asked | {name: value for name, value in more.items() if value is not None}

    def check(self) -> None:
        """Refuse what does not go together.

        Raises
        ------
        InputError
            If the output has a name that no format writes, or vectors are to be labels.
        """
        super().check()
        if self.turned and (self.labels or self.outside):
            raise InputError(
                f"{self.turned.components.kind} are neither labels nor have a value outside but 0; "
                "leave out --labels and --outside"
            )

    def look(self) -> ApplySurvey:
        """Read the headers of the reference and the image."""
        # All frames and channels of a reference lie on one grid.
        given = self._reading
        reference = read_header(self.onto, given).of(frame=0, channel=0)
        grid = _spaced(reference, self.voxel)
        check_holds(self.output, grid)
        header = read_header(self.image, given)
        reading = given if self.labels else with_all_channels(given, header)
        frames = header.each_frame(reading)
        kept = frames[0].kept
        check_output(self.output, overwrite=self.overwrite, frames=len(frames), channels=kept)
        self._check_spacing(reference, header)
        if self.turned:
            self.turned.check(header, len(frames), kept)
        if len(self.transforms) == 1:
            check_direction(self.transforms[0], self.image)
        return ApplySurvey(self, reference, grid, header, reading, len(frames), kept)

    def _check_spacing(self, *headers: Header) -> None:
        """Refuse a spacing that no file takes: the size of the result's voxels is another option.

        Raises
        ------
        InputError
            If both files say their own.
        """
        said = self.reading.spacing
        found = [header.grid.spacing for header in headers]
        if said and not any(len(own) == len(said) and np.allclose(own, said) for own in found):
            raise InputError(
                f"--spacing {','.join(f'{size:g}' for size in said)}: both files state their own "
                "voxel sizes; leave it out, or give --voxel for those of the result"
            )

    @property
    def _reading(self) -> ReadOptions:
        """How images are read: all values of a vector or a tensor."""
        if self.turned is None or chooses_channels(self.reading):
            return self.reading
        return replace(self.reading, channels="all")


def _spaced(reference: Header, voxel: tuple[float, ...] | None) -> Grid:
    """The grid of the result: that of a reference, or its extent in voxels of another size."""
    grid = reference.grid.straightened()
    if voxel is None:
        return grid
    if len(voxel) not in (1, grid.ndim):
        raise InputError(
            f"--voxel has {len(voxel)} sizes and {reference.name} {grid.ndim} axes; give one size, "
            "or one for each axis"
        )
    return grid.in_voxels(voxel)


@dataclass(frozen=True)
class ApplySurvey:
    """The headers of an image and its reference."""

    job: ApplyJob
    reference: Header
    grid: Grid
    header: Header
    reading: ReadOptions
    frames: int
    channels: int

    def needs(self) -> Needs:
        """Memory and disk, by the headers alone."""
        voxels = product(self.header.grid.shape) + product(self.grid.shape)
        return Needs(
            _FEW + _PER_VOXEL * voxels * self.frames * self.channels,
            of=f"{self.header.name} ({'x'.join(map(str, self.header.grid.shape))})",
            helps="use --frame, or an image with larger voxels",
        )

    def open(self) -> ApplyTask | TurnedTask | BandsTask:
        """Read the reference, the transforms and every frame."""
        job, grid = self.job, self.grid
        fixed, moving = images_beside(job.program, self.reference.grid, self.header.grid)
        phi = open_chain(job.transforms, job.program, fixed=fixed, moving=moving)
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
        if asks and job.turned is None:
            check_no_labels(frames[0])
        task = ApplyTask(frames, phi, grid, job.outside, self.header.repetition, job.interpolation)
        return task if job.turned is None else TurnedTask(task, job.turned, self.header)


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


def apply_again(record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path) -> ApplyJob:
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
    found = {each.role: each.path for each in inputs if each.role != "transform"}
    transforms = paths_in_role(inputs, "transform")
    asked = record["asked"]
    if set(found) != {"image", "onto"} or not transforms or not _is_asked(asked):
        raise InputError("the record must name an image, a reference and transforms; it is damaged")
    turned, voxel = asked.get("turned"), asked.get("voxel")
    return ApplyJob(
        found["image"], transforms, found["onto"], bool(asked["labels"]), float(asked["outside"]),
        asked.get("interpolation"), None if voxel is None else tuple(map(float, voxel)),
        None if turned is None else TurnedValues.of_record(turned), asked.get("from"),
        **image_file_again(record, inputs, folder),
    )  # fmt: skip


def _is_asked(asked: Mapping[str, Any]) -> bool:
    always = {"labels", "outside"}
    whole = always <= set(asked) <= always | {"interpolation", "voxel", "turned", "from"}
    sizes = asked.get("voxel", [1.0])
    usable = isinstance(sizes, list) and all(isinstance(s, int | float) and s > 0 for s in sizes)
    return whole and usable and asked.get("interpolation") in (None, *INTERPOLATIONS)
