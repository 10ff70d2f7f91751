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
from regkit.runs.outputs import Files
from regkit.runs.progress import OnProgress, Progress
from regkit.transforms import Transform
from regkit.volume import Points

PointsSide = Literal["fixed", "moving"]
_FEW, _PER_BYTE = 64 << 20, 12


@dataclass(frozen=True)
class PointsJob:
    """A file of points through transforms: what `regkit points` runs.

    Parameters
    ----------
    points
        The file, in any format of points.
    transforms
        From points of fixed to points of moving, in the order in which a point passes them.
    output
        The file to write, in the format of ``points`` or as CSV; None where nothing is written.
    of
        The image in which the points lie; they are led to the other one.
    space
        In which the coordinates are, where the file does not say it.
    record
        Where the record goes; None for none.
    overwrite
        Replace what is there.
    full_paths
        Show the folders of the inputs wherever their names are shown.
    """

    kind: ClassVar[str] = "points"

    points: Path
    transforms: tuple[Path, ...]
    output: Path | None = None
    of: PointsSide = "fixed"
    space: Space | None = None
    record: Path | None = None
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> Files:
        """The points, and the record where one is asked for."""
        given = (("points", self.output), ("record", self.record))
        return Files(tuple((role, path) for role, path in given if path), self.overwrite)

    def inputs(self) -> list[InputFile]:
        """The points and the transforms."""
        given = [("points", self.points), *(("transform", path) for path in self.transforms)]
        return [InputFile(role, path, self.full_paths) for role, path in given]

    def settings(self) -> dict[str, Any]:
        """What is done."""
        return {"asked": self.plan()}

    def plan(self) -> dict[str, Any]:
        """What is done."""
        return {"of": self.of, "space": self.space}

    def check(self) -> None:
        """Refuse formats that are not known, and another one for the result.

        Raises
        ------
        InputError
            If they are.
        """
        given = point_suffix(self.points)
        if self.output is not None and point_suffix(self.output) not in (given, ".csv"):
            raise InputError(
                f"{self.output.name}: points of {given} are written as {given} or .csv; change the "
                "extension"
            )

    def look(self) -> PointsJob:
        """Refuse to invert a transform that is an inverse already."""
        for transform in self.transforms:
            check_not_inverted(transform, self.of)
        return self

    def needs(self) -> Needs:
        """Memory, by the sizes of the files."""
        sizes = [each.path.stat().st_size for each in self.inputs() if each.path.is_file()]
        return Needs(_FEW + _PER_BYTE * sum(sizes), of="the points and the transforms")

    def open(self) -> PointsTask:
        """Read the points and the transforms."""
        found, phi = open_points(self.points, self.space), open_chain(self.transforms)
        ndim = found.points.xyz.shape[1]
        if ndim != phi.ndim:
            raise InputError(
                f"{self.points.name}: its points are {ndim}-D and the transform {phi.ndim}-D; give "
                "points of the transform's dimension"
            )
        return PointsTask(self, found, phi if self.of == "fixed" else phi.inverse())


@dataclass(frozen=True, eq=False)
class PointsTask:
    """Points and the transform that leads away from them."""

    job: PointsJob
    found: PointFile
    phi: Transform
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> MappedPoints:
        """Map them."""
        moved = self.phi.map_points(self.found.points)
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
        if point_suffix(place) == point_suffix(task.job.points):
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
    record
        What the run wrote about itself.
    inputs
        The files that it names, found again.
    folder
        Where the outputs go, under the names that they had.

    Raises
    ------
    InputError
        If its inputs, outputs or settings are not those of such a job.
    """
    points = [each.path for each in inputs if each.role == "points"]
    transforms = tuple(each.path for each in inputs if each.role == "transform")
    asked, names = record["asked"], record["outputs"]
    whole = (
        len(points) == 1
        and transforms
        and set(asked) == {"of", "space"}
        and asked["of"] in ("fixed", "moving")
        and asked["space"] in (None, "ras", "lps")
        and isinstance(names, dict)
        and all(isinstance(name, str) and Path(name).name == name for name in names.values())
        and {"points", "record"} <= set(names)
    )
    if not whole:
        raise InputError("the record must name points and transforms; it is damaged")
    given = (("points", Path(names["points"])), ("record", Path(names["record"])))
    places = Files(given).moved(folder).places()
    return PointsJob(
        points[0], transforms, places["points"], asked["of"], asked["space"], places["record"],
        full_paths=any(each.full_path for each in inputs),
    )  # fmt: skip
