"""JacobianJob: the local change of volume of a transform, on the grid of an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io import check_holds, read_header, save
from regkit.io.chain import images_beside, open_chain
from regkit.io.sizes import product
from regkit.metrics import deformation_metrics, jacobian
from regkit.runs.image_file import ImageFile, image_file_again
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.lines import describe_deformation
from regkit.runs.output_file import paths_in_role
from regkit.runs.progress import OnProgress, Progress
from regkit.transforms import Transform
from regkit.volume import Volume

_FEW, _PER_VOXEL = 64 << 20, 48


@dataclass(frozen=True)
class JacobianJob(ImageFile):
    """The determinant of a transform: what `regkit jacobian` runs.

    Parameters
    ----------
    transforms
        Files of transforms from points of fixed to points of moving, in the order in which a point
        passes them.
    onto
        Fixed, whose grid the result takes.
    log
        Write the natural logarithm, and refuse what folds.
    moving, program
        The image to whose points they lead, and whose they are, as of
        :func:`regkit.io.chain.open_chain`.
    """

    kind: ClassVar[str] = "jacobian"

    transforms: tuple[Path, ...]
    onto: Path
    log: bool = False
    moving: Path | None = None
    program: str | None = None

    def files(self) -> list[tuple[str, Path]]:
        """The reference, the transforms, and moving where it is given."""
        moving = [] if self.moving is None else [("moving", self.moving)]
        return [("onto", self.onto), *(("transform", path) for path in self.transforms), *moving]

    def plan(self) -> dict[str, Any]:
        """What is done."""
        return {"log": self.log, **({"from": self.program} if self.program else {})}

    def look(self) -> JacobianSurvey:
        """Read the header of the reference."""
        reference = read_header(self.onto, self.reading).of(frame=0, channel=0).grid
        grid = reference.straightened()
        check_holds(self.output, grid)
        return JacobianSurvey(self, reference, grid)


@dataclass(frozen=True)
class JacobianSurvey:
    """The grid of the reference, and that of the result."""

    job: JacobianJob
    reference: Grid
    grid: Grid

    def needs(self) -> Needs:
        """Memory, by the grid alone."""
        shape = "x".join(map(str, self.grid.shape))
        return Needs(_FEW + _PER_VOXEL * product(self.grid.shape), of=f"the grid ({shape})")

    def open(self) -> JacobianTask:
        """Read the transforms."""
        job = self.job
        fixed, _ = images_beside(job.program, self.reference, None)
        phi = open_chain(job.transforms, job.program, fixed=fixed, moving=job.moving)
        return JacobianTask(job, phi, self.grid)


@dataclass(frozen=True, eq=False)
class JacobianTask:
    """A transform, fixed to moving, and the grid of fixed."""

    job: JacobianJob
    phi: Transform
    grid: Grid
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> JacobianOutcome:
        """Compute it at every voxel."""
        found = jacobian(self.phi, self.grid)
        on_progress(Progress("measuring", 0.7))
        metrics = deformation_metrics(found)
        if not self.job.log:
            return JacobianOutcome(found, metrics)
        if metrics["folding"]:
            raise InputError(
                f"{self.job.transforms[0].name}: folds in {100 * metrics['folding']:.3g} % of the "
                "voxels, where there is no logarithm; leave out --log"
            )
        return JacobianOutcome(found.with_data(found.data.log()), metrics)


@dataclass(frozen=True, eq=False)
class JacobianOutcome:
    """The determinant or its logarithm, and how it is spread."""

    found: Volume
    metrics: Mapping[str, float]

    def entries(self, seconds: float) -> dict[str, Any]:
        """Folding, and the spread of the logarithm."""
        return {"metrics": dict(self.metrics)}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the image."""
        save(self.found, places["image"])

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """How much folds."""
        return (describe_deformation(self.metrics),)


def jacobian_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> JacobianJob:
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
    onto, transforms = paths_in_role(inputs, "onto"), paths_in_role(inputs, "transform")
    moving, asked = paths_in_role(inputs, "moving"), record["asked"]
    if len(onto) != 1 or not transforms or not {"log"} <= set(asked) <= {"log", "from"}:
        raise InputError("the record must name a reference and transforms; it is damaged")
    return JacobianJob(
        transforms, onto[0], bool(asked["log"]), moving[0] if moving else None, asked.get("from"),
        **image_file_again(record, inputs, folder),
    )  # fmt: skip
