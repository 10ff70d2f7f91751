"""EvaluateJob: how well labels of moving lie on those of fixed, through transforms if any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from regkit.errors import InputError
from regkit.io import ReadOptions, open_labels, read_header
from regkit.io.chain import open_chain
from regkit.io.header import Header
from regkit.io.options import AS_STORED
from regkit.io.sizes import product
from regkit.metrics import summarise_dice
from regkit.metrics.structures import StructureScore, score_structures, structures_csv
from regkit.resample import warp
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.outputs import RECORD, Folder
from regkit.runs.progress import OnProgress, Progress
from regkit.runs.record import reading_of
from regkit.runs.register.names import STRUCTURES
from regkit.transforms import Affine, Transform
from regkit.volume import Labels

_FEW, _PER_VOXEL = 64 << 20, 40


@dataclass(frozen=True)
class EvaluateJob:
    """The overlap and the distance of two label maps, structure by structure.

    Parameters
    ----------
    fixed_labels, moving_labels
        Files of labels.
    transforms
        From points of fixed to points of moving, in the order in which a point passes them; none
        if both lie in one place already.
    folder
        Where the results go.
    reading
        How labels are read.
    overwrite
        Replace what is there.
    full_paths
        Show the folders of the inputs wherever their names are shown.
    """

    kind: ClassVar[str] = "evaluate"

    fixed_labels: Path
    moving_labels: Path
    transforms: tuple[Path, ...]
    folder: Path
    reading: ReadOptions = AS_STORED
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> Folder:
        """A table of the structures, and the record."""
        return Folder(self.folder, (STRUCTURES, RECORD), self.overwrite)

    def inputs(self) -> list[InputFile]:
        """Both label maps and the transforms."""
        given = [("fixed_labels", self.fixed_labels), ("moving_labels", self.moving_labels)]
        given += [("transform", path) for path in self.transforms]
        return [InputFile(role, path, self.full_paths) for role, path in given]

    def settings(self) -> dict[str, Any]:
        """How labels are read."""
        return {"asked": {}, "reading": asdict(self.reading)}

    def plan(self) -> dict[str, Any]:
        """Nothing more."""
        return {}

    def check(self) -> None:
        """Nothing can be wrong but the outputs, which are checked besides."""

    def look(self) -> EvaluateSurvey:
        """Read the headers of both label maps."""
        paths = (self.fixed_labels, self.moving_labels)
        return EvaluateSurvey(self, tuple(read_header(path, self.reading) for path in paths))


@dataclass(frozen=True)
class EvaluateSurvey:
    """The headers of two label maps."""

    job: EvaluateJob
    headers: tuple[Header, ...]

    def needs(self) -> Needs:
        """Memory, by the headers alone."""
        voxels = sum(product(header.grid.shape) for header in self.headers)
        return Needs(_FEW + _PER_VOXEL * voxels, of=" and ".join(h.name for h in self.headers))

    def open(self) -> EvaluateTask:
        """Read both label maps and the transforms."""
        job = self.job
        paths = (job.fixed_labels, job.moving_labels)
        fixed, moving = (open_labels(path, job.reading) for path in paths)
        phi = open_chain(job.transforms) if job.transforms else Affine.identity(fixed.ndim)
        return EvaluateTask(fixed, moving, phi)


@dataclass(frozen=True, eq=False)
class EvaluateTask:
    """Two label maps and a transform in memory."""

    fixed: Labels
    moving: Labels
    phi: Transform
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> EvaluateOutcome:
        """Warp the labels of moving, and compare."""
        fixed, start = self.fixed, Affine.identity(self.fixed.ndim)
        before, after = (warp(self.moving, phi, onto=fixed.grid) for phi in (start, self.phi))
        on_progress(Progress("measuring", 0.5))
        return EvaluateOutcome(score_structures(fixed, before, after), fixed.grid.world.unit)


@dataclass(frozen=True, eq=False)
class EvaluateOutcome:
    """Every structure's scores, and the unit of their distances.

    Before is through no transform at all. Structures that one map lacks have no distance.
    """

    scores: Sequence[StructureScore]
    unit: str

    def entries(self, seconds: float) -> dict[str, Any]:
        """Means and worst cases as metrics."""
        found = summarise_dice({each.label: each.dice for each in self.scores})
        far = [each.surface.hd95 for each in self.scores if each.surface is not None]
        lengths = {"hd95_mean": sum(far) / len(far), "hd95_worst": max(far)} if far else {}
        return {
            "metrics": {
                "dice_mean": found.mean, "dice_worst": found.worst, "dice_p5": found.p5, **lengths,
                "structures": found.count, "structures_lost": found.count - len(far),
            }
        }  # fmt: skip

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the table that a registration writes of its labels."""
        places[STRUCTURES].write_text(structures_csv(self.scores, self.unit), encoding="utf-8")

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """The mean overlap."""
        return (f"done    mean Dice {record['metrics']['dice_mean']:.3f}",)


def evaluate_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> EvaluateJob:
    """Make the job that a record came from, with another folder.

    Parameters
    ----------
    record
        What ``run.json`` holds.
    inputs
        The files that it names, found again.
    folder
        Where the new results go.

    Raises
    ------
    InputError
        If its inputs are not those of such a job.
    """
    found = {each.role: each.path for each in inputs if each.role != "transform"}
    if set(found) != {"fixed_labels", "moving_labels"}:
        raise InputError("the record must name labels of fixed and of moving; it is damaged")
    return EvaluateJob(
        found["fixed_labels"],
        found["moving_labels"],
        tuple(each.path for each in inputs if each.role == "transform"),
        folder,
        reading_of(record),
        full_paths=any(each.full_path for each in inputs),
    )
