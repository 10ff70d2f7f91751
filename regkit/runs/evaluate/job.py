"""EvaluateJob: labels and landmarks of two images compared, through transforms if any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from regkit.errors import InputError
from regkit.io import ReadOptions, read_header
from regkit.io.header import Header
from regkit.io.names import display_name
from regkit.io.options import AS_STORED
from regkit.io.sizes import product
from regkit.runs.evaluate.outcome import LANDMARKS
from regkit.runs.evaluate.task import EvaluateTask, open_comparison
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.outputs import RECORD, Folder
from regkit.runs.register.names import STRUCTURES

_FEW, _PER_VOXEL = 64 << 20, 40
_LABELS, _LANDMARKS = "--fixed-labels and --moving-labels", "--landmarks FIXED MOVING"


@dataclass(frozen=True)
class EvaluatePaths:
    """The files that a comparison reads.

    Parameters
    ----------
    fixed_labels, moving_labels
        Label maps, both or none.
    fixed_landmarks, moving_landmarks
        The same landmarks in both images, in one order, both or none.
    onto
        An image on whose grid the transforms are judged; the labels of fixed where it is None.
    fixed, moving
        The images that the transforms connect, where a program's numbers are relative to them; the
        labels where they are None.
    transforms
        From points of fixed to points of moving, in the order in which a point passes them; none
        if both lie in one place already.
    """

    fixed_labels: Path | None = None
    moving_labels: Path | None = None
    fixed_landmarks: Path | None = None
    moving_landmarks: Path | None = None
    onto: Path | None = None
    fixed: Path | None = None
    moving: Path | None = None
    transforms: tuple[Path, ...] = ()

    def by_role(self) -> list[tuple[str, Path]]:
        """What is given, by the names that a record has for it."""
        given = [(each.name, getattr(self, each.name)) for each in fields(self)]
        single = [(role, path) for role, path in given if isinstance(path, Path)]
        return [*single, *(("transform", path) for path in self.transforms)]

    def check(self) -> None:
        """Refuse one of two, and nothing to measure.

        Raises
        ------
        InputError
            Naming what is missing.
        """
        pairs = {
            _LABELS: (self.fixed_labels, self.moving_labels),
            _LANDMARKS: (self.fixed_landmarks, self.moving_landmarks),
        }
        for words, (fixed, moving) in pairs.items():
            if (fixed is None) != (moving is None):
                alone = fixed or moving
                raise InputError(f"{display_name(alone or '')}: has no counterpart; give {words}")
        measured = any(fixed for fixed, _ in pairs.values())
        if not measured and not (self.transforms and self.onto):
            raise InputError(
                f"there is nothing to measure; give {_LABELS}, or {_LANDMARKS}, or a transform "
                "with --onto"
            )


@dataclass(frozen=True)
class EvaluateJob:
    """Overlap, distances of surfaces and landmarks, and folding: what `regkit evaluate` runs.

    Parameters
    ----------
    paths
        The files.
    folder
        Where the results go.
    tolerance
        How far apart two surfaces may lie and still agree, in world units; None for the largest
        spacing of the labels of fixed.
    reading
        How labels are read.
    program
        Whose the transforms are, where a file does not tell.
    overwrite
        Replace what is there.
    full_paths
        Show the folders of the inputs wherever their names are shown.
    """

    kind: ClassVar[str] = "evaluate"

    paths: EvaluatePaths
    folder: Path
    tolerance: float | None = None
    reading: ReadOptions = AS_STORED
    program: str | None = None
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> Folder:
        """A table of structures, one of landmarks, and the record."""
        paths = self.paths
        tables = ((STRUCTURES, paths.fixed_labels), (LANDMARKS, paths.fixed_landmarks))
        names = [name for name, given in tables if given is not None]
        return Folder(self.folder, (*names, RECORD), self.overwrite)

    def inputs(self) -> list[InputFile]:
        """Labels, landmarks, the grid and the transforms."""
        return [InputFile(role, path, self.full_paths) for role, path in self.paths.by_role()]

    def settings(self) -> dict[str, Any]:
        """The tolerance, and how labels are read."""
        return {"asked": self.plan(), "reading": asdict(self.reading)}

    def plan(self) -> dict[str, Any]:
        """The tolerance, and whose the transforms are."""
        return {"tolerance": self.tolerance, **({"from": self.program} if self.program else {})}

    def check(self) -> None:
        """Refuse files that do not go together, and a tolerance that is no length.

        Raises
        ------
        InputError
            If they do not.
        """
        self.paths.check()
        if not self.paths.transforms and (self.program or self.paths.fixed or self.paths.moving):
            raise InputError(
                "--from, --fixed and --moving are of a transform; give TRANSFORM, or leave them out"
            )
        if self.tolerance is not None and not 0 <= self.tolerance < float("inf"):
            raise InputError(
                f"--tolerance {self.tolerance:g}: must be finite and 0 or more, in world units"
            )

    def look(self) -> EvaluateSurvey:
        """Read the headers of the images."""
        paths = (self.paths.fixed_labels, self.paths.moving_labels, self.paths.onto)
        return EvaluateSurvey(self, [read_header(path, self.reading) for path in paths if path])


@dataclass(frozen=True)
class EvaluateSurvey:
    """The headers of the images of a comparison."""

    job: EvaluateJob
    headers: Sequence[Header]

    def needs(self) -> Needs:
        """Memory, by the headers alone."""
        voxels = sum(product(header.grid.shape) for header in self.headers)
        return Needs(_FEW + _PER_VOXEL * voxels, of=" and ".join(h.name for h in self.headers))

    def open(self) -> EvaluateTask:
        """Read labels, landmarks and transforms."""
        return open_comparison(self.job)
