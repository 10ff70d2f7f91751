"""PointsJob: landmarks or a surface from one image's space to that of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from regkit.errors import InputError
from regkit.io.chain import open_chain
from regkit.io.point_formats.comma_separated import as_csv
from regkit.io.point_formats.point_file import PointFile, Space
from regkit.io.point_formats.table import open_points, point_suffix
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.origin import check_not_inverted
from regkit.runs.output_file import OutputFile, output_file_again, paths_in_role
from regkit.runs.progress import OnProgress, Progress
from regkit.transforms import Transform
from regkit.volume import Points

PointsSide = Literal["fixed", "moving"]
_FEW, _PER_BYTE = 64 << 20, 12


@dataclass(frozen=True)
class PointMapping:
    """How points get from one image to the other.

    Parameters
    ----------
    transforms
        From points of fixed to points of moving, in the order in which a point passes them.
    of
        The image in which the points lie; they are led to the other one.
    program, fixed, moving
        Whose the transforms are and the images that they connect, as of
        :func:`regkit.io.chain.open_chain`.
    """

    transforms: tuple[Path, ...]
    of: PointsSide = "fixed"
    program: str | None = None
    fixed: Path | None = None
    moving: Path | None = None

    def files(self) -> list[tuple[str, Path]]:
        """The transforms, and the images where they are given."""
        images = (("fixed", self.fixed), ("moving", self.moving))
        given = [("transform", path) for path in self.transforms]
        return given + [(role, path) for role, path in images if path is not None]

    def open(self) -> Transform:
        """Read the transforms as the map from where the points lie.

        Raises
        ------
        InputError
            If one cannot be used, or an inverse would be inverted.
        """
        for transform in self.transforms:
            check_not_inverted(transform, self.of)
        phi = open_chain(self.transforms, self.program, fixed=self.fixed, moving=self.moving)
        return phi if self.of == "fixed" else phi.inverse()


@dataclass(frozen=True)
class PointsJob(OutputFile):
    """A file of points through transforms: what `regkit points` runs.

    Parameters
    ----------
    points
        The file, in any format of points. The output is in the same format, or CSV.
    way
        What leads them to the other image.
    space
        In which the coordinates are, where the file does not say it.
    """

    kind: ClassVar[str] = "points"
    role: ClassVar[str] = "points"

    points: Path
    way: PointMapping
    space: Space | None = None

    def files(self) -> list[tuple[str, Path]]:
        """The points, the transforms and the images that they connect."""
        return [("points", self.points), *self.way.files()]

    def plan(self) -> dict[str, Any]:
        """What is done."""
        program = {"from": self.way.program} if self.way.program else {}
        return {"of": self.way.of, "space": self.space, **program}

    def check(self) -> None:
        """Refuse formats that are not known, and another one for the result.

        Raises
        ------
        InputError
            If they are.
        """
        given = point_suffix(self.points)
        allowed = dict.fromkeys((given, ".csv"))
        if point_suffix(self.output) not in allowed:
            raise InputError(
                f"{self.output.name}: points of {given} are written as {' or '.join(allowed)}; "
                "change the extension"
            )

    def look(self) -> PointsJob:
        """Nothing of its own: points have no header."""
        return self

    def needs(self) -> Needs:
        """Memory, by the sizes of the files."""
        sizes = [path.stat().st_size for _, path in self.files() if path.is_file()]
        return Needs(_FEW + _PER_BYTE * sum(sizes), of="the points and the transforms")

    def open(self) -> PointsTask:
        """Read the points and the transforms."""
        return open_mapping(self.points, self.way, self.space)


def open_mapping(points: Path, way: PointMapping, space: Space | None = None) -> PointsTask:
    """Read points and what leads them to the other image.

    Parameters
    ----------
    points, way, space
        As of :class:`PointsJob`.

    Raises
    ------
    InputError
        If a file cannot be used, the dimensions differ, or an inverse would be inverted.
    """
    phi = way.open()
    found = open_points(points, space)
    ndim = found.points.xyz.shape[1]
    if ndim != phi.ndim:
        raise InputError(
            f"{points.name}: its points are {ndim}-D and the transform {phi.ndim}-D; give points "
            "of the transform's dimension"
        )
    return PointsTask(found, phi, point_suffix(points))


@dataclass(frozen=True, eq=False)
class PointsTask:
    """Points and the transform that leads away from them."""

    found: PointFile
    phi: Transform
    suffix: str
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def mapped(self) -> Points:
        """The points in the space of the other image."""
        return self.phi.map_points(self.found.points)

    def execute(self, on_progress: OnProgress) -> MappedPoints:
        """Map them."""
        moved = self.mapped()
        on_progress(Progress("mapping", 0.5))
        return MappedPoints(self, moved)


@dataclass(frozen=True, eq=False)
class MappedPoints:
    """Points in the space of the other image."""

    task: PointsTask
    moved: Points

    def entries(self, seconds: float) -> dict[str, Any]:
        """How many there are."""
        return {"points": len(self.moved)}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write them, in the format that they had or as CSV."""
        place, task = places["points"], self.task
        if point_suffix(place) == task.suffix:
            place.write_bytes(task.found.mapped(task.phi))
        else:
            place.write_text(as_csv(self.moved), encoding="utf-8")

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Nothing that the file does not say."""
        return ()


def points_again(record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path) -> PointsJob:
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
    points, transforms = paths_in_role(inputs, "points"), paths_in_role(inputs, "transform")
    asked = record["asked"]
    whole = (
        len(points) == 1
        and transforms
        and {"of", "space"} <= set(asked) <= {"of", "space", "from"}
        and asked["of"] in ("fixed", "moving")
        and asked["space"] in (None, "ras", "lps")
    )
    if not whole:
        raise InputError("the record must name points and transforms; it is damaged")
    images = {each.role: each.path for each in inputs}
    way = PointMapping(
        transforms, asked["of"], asked.get("from"), images.get("fixed"), images.get("moving")
    )
    more = output_file_again(record, inputs, folder, role=PointsJob.role)
    return PointsJob(points[0], way, asked["space"], **more)
