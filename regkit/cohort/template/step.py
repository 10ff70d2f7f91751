"""One registration of a template: an image to the template as it is, of which a transform stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

from regkit.cohort.kept import RecentCache
from regkit.cohort.kind import RowKind
from regkit.cohort.register import make_row_job, open_prepared
from regkit.cohort.row import PairRow
from regkit.io import read_header, write_transform
from regkit.runs import RECORD, Folder, OnProgress, Survey, Task
from regkit.runs.register.headers import Headers
from regkit.runs.register.job import RegisterJob, RegisterSurvey
from regkit.runs.register.outcome import RegisterOutcome

STEP_TRANSFORM = "transform.h5"


@dataclass(frozen=True)
class StepJob(RegisterJob):
    """A registration that writes its transform and its record alone."""

    kind: ClassVar[str] = "template-step"

    @property
    def outputs(self) -> Folder:
        """The transform, and the record."""
        return Folder(self.folder, (STEP_TRANSFORM, RECORD), self.overwrite)

    def look(self) -> RegisterSurvey:
        """Read both headers; what the user says of files is not said of the template."""
        said = self.reading
        moving = read_header(self.paths.moving, said).of(frame=said.frame, channel=said.channel)
        return RegisterSurvey(self, Headers(read_header(self.paths.fixed), moving))


@dataclass(frozen=True)
class StepTask:
    """The task of a registration, of which less is written."""

    task: Task

    @property
    def introduction(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    @property
    def notices(self) -> list[str]:
        """Those of the registration."""
        return list(self.task.notices)

    def execute(self, on_progress: OnProgress) -> StepOutcome:
        """Register."""
        return StepOutcome(cast(RegisterOutcome, self.task.execute(on_progress)))


@dataclass(frozen=True)
class StepOutcome:
    """A registration, of which the transform is written."""

    whole: RegisterOutcome

    def entries(self, seconds: float) -> dict[str, Any]:
        """Those of the registration."""
        return self.whole.entries(seconds)

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the transform, world points of the template to world points of the image."""
        write_transform(self.whole.result.transform, places[STEP_TRANSFORM])

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Nothing."""
        return ()


def make_step_job(row: PairRow, folder: Path) -> StepJob:
    """Make the registration of an image to a template; see :class:`StepJob`.

    Raises
    ------
    InputError
        If an option is not allowed.
    """
    return StepJob(**vars(make_row_job(row, folder)))


def open_step(survey: Survey, kept: RecentCache) -> Task:
    """Open a registration, whose template is prepared once for all images of a worker."""
    return StepTask(open_prepared(survey, kept))


STEP_ROWS = RowKind(
    "template-step", make_step_job, required=("fixed", "moving"), images=("fixed", "moving"),
    output="moving", open=open_step,
)  # fmt: skip
