"""TransformJob: transform files of any program made into one of any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io import read_header, read_transform, write_transform
from regkit.io.options import AS_STORED
from regkit.io.transform_formats.table import writable_format
from regkit.io.transforms import split_inverted
from regkit.registration.template_mean import mean_affine
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.output_file import OutputFile, output_file_again, paths_in_role
from regkit.runs.progress import OnProgress, Progress
from regkit.transforms import Affine, DisplacementField, Transform, compose, links

Verb = Literal["compose", "average"]
VERBS = ("compose", "average")
_FEW, _PER_BYTE = 64 << 20, 12


@dataclass(frozen=True)
class TransformJob(OutputFile):
    """One transform file from one or several.

    Parameters
    ----------
    sources
        The files, each from points of fixed to points of moving; ``[FILE,1]`` is the inverse.
    verb
        ``compose``: a point passes them in their order. ``average``: the mean of affines by their
        logarithms; of displacements, with an affine among them or not, on the grid of ``fixed``.
    invert
        Write the inverse, from points of moving to points of fixed.
    fixed, moving
        The images that the sources connect, where their format or that of the output needs them.
    program, output_program
        Whose the sources are, and whose the output, where the extension does not tell.
    """

    kind: ClassVar[str] = "transform"
    role: ClassVar[str] = "transform"

    sources: tuple[Path, ...]
    verb: Verb = "compose"
    invert: bool = False
    fixed: Path | None = None
    moving: Path | None = None
    program: str | None = None
    output_program: str | None = None

    def files(self) -> list[tuple[str, Path]]:
        """The transforms, and the images where they are given."""
        given = [("transform", split_inverted(path)[0]) for path in self.sources]
        images = (("fixed", self.fixed), ("moving", self.moving))
        return given + [(role, path) for role, path in images if path is not None]

    def plan(self) -> dict[str, Any]:
        """What is done."""
        return {
            "verb": self.verb,
            "inverted": [split_inverted(path)[1] for path in self.sources],
            "invert": self.invert,
            "from": self.program,
            "to": self.output_program,
        }

    def check(self) -> None:
        """Refuse a name that no format writes.

        Raises
        ------
        InputError
            If it is one.
        """
        writable_format(self.output, self.output_program)

    def look(self) -> TransformJob:
        """Nothing of its own: a transform is checked as it is read."""
        return self

    def needs(self) -> Needs:
        """Memory, by the sizes of the files."""
        sizes = [path.stat().st_size for _, path in self.files() if path.is_file()]
        return Needs(_FEW + _PER_BYTE * sum(sizes), of="the transforms")

    def open(self) -> TransformTask:
        """Read the transforms."""
        images = {"fixed": self.fixed, "moving": self.moving}
        found = [read_transform(path, program=self.program, **images) for path in self.sources]
        for path, each in zip(self.sources, found, strict=True):
            if each.ndim != found[0].ndim:
                raise InputError(
                    f"{path.name}: is {each.ndim}-D, the first transform {found[0].ndim}-D"
                )
        return TransformTask(self, found)


@dataclass(frozen=True, eq=False)
class TransformTask:
    """Transforms in memory."""

    job: TransformJob
    found: Sequence[Transform]

    @property
    def introduction(self) -> tuple[str, ...]:
        """The direction, in which many programs differ."""
        way = "points of moving to points of fixed" if self.job.invert else None
        return (f"direction  {way or 'points of fixed to points of moving'}",)

    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> TransformOutcome:
        """Make one of them."""
        average = self.job.verb == "average"
        whole = self._mean() if average else compose(*reversed(self.found))
        on_progress(Progress("composing", 0.5))
        return TransformOutcome(self.job, whole.inverse() if self.job.invert else whole)

    def _mean(self) -> Transform:
        matrices = [each.matrix for each in self.found if isinstance(each, Affine)]
        if len(matrices) == len(self.found):
            return Affine(mean_affine(matrices))
        if self.job.fixed is None:
            raise InputError(
                "displacements are averaged on a grid; give --fixed, the image whose points the "
                "transforms take"
            )
        header = read_header(self.job.fixed, AS_STORED).of(frame=0, channel=0)
        return mean_displacement(self.found, header.grid.straightened())


def mean_displacement(transforms: Sequence[Transform], grid: Grid) -> DisplacementField:
    """Average where each point of a grid goes.

    Parameters
    ----------
    transforms
        From world points of fixed to world points of moving.
    grid
        Of fixed. Beyond it the result moves nothing.

    Examples
    --------
    >>> import numpy as np
    >>> there = Affine(np.array([[1.0, 0, 2], [0, 1, 0], [0, 0, 1]]))
    >>> grid = Grid((3, 3), np.eye(3))
    >>> mean_displacement([there, Affine.identity(2)], grid).u[:, 1, 1].tolist()
    [1.0, 0.0]
    """
    points = grid.world_points()
    total = sum((phi(points) - points for phi in transforms), torch.zeros_like(points))
    return DisplacementField((total / len(transforms)).movedim(-1, 0).float(), grid)


@dataclass(frozen=True, eq=False)
class TransformOutcome:
    """The transform that is written, fixed to moving, or its inverse."""

    job: TransformJob
    transform: Transform

    def entries(self, seconds: float) -> dict[str, Any]:
        """Its parts, outermost first, and the matrix where it is one."""
        parts = [type(link).__name__ for link in links(self.transform)]
        if not isinstance(self.transform, Affine):
            return {"parts": parts}
        return {"parts": parts, "matrix": self.transform.matrix.tolist()}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write it."""
        job = self.job
        ends = (job.moving, job.fixed) if job.invert else (job.fixed, job.moving)
        write_transform(
            self.transform,
            places["transform"],
            fixed=ends[0],
            moving=ends[1],
            program=job.output_program,
        )

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Nothing that the file does not say."""
        return ()


def transform_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> TransformJob:
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
    asked, sources = record["asked"], paths_in_role(inputs, "transform")
    turned = asked.get("inverted")
    whole = (
        set(asked) == {"verb", "inverted", "invert", "from", "to"}
        and asked["verb"] in VERBS
        and isinstance(turned, list)
        and len(turned) == len(sources) > 0
    )
    if not whole:
        raise InputError("the record must name transforms and what is made of them; it is damaged")
    images = {each.role: each.path for each in inputs}
    return TransformJob(
        tuple(
            Path(f"[{path},1]") if inverted else path
            for path, inverted in zip(sources, turned, strict=True)
        ),
        verb=asked["verb"],
        invert=bool(asked["invert"]),
        fixed=images.get("fixed"),
        moving=images.get("moving"),
        program=asked["from"],
        output_program=asked["to"],
        **output_file_again(record, inputs, folder, role=TransformJob.role),
    )
