"""Register a whole group to its template, each image a row on the workers of a cohort."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regkit.cohort.plan import PlannedPair
from regkit.cohort.row import PairRow
from regkit.cohort.runner import run_pairs
from regkit.cohort.template.step import STEP_ROWS, STEP_TRANSFORM
from regkit.cohort.work import FinishedPair, WorkWay
from regkit.errors import InputError
from regkit.io import read_transform, save, write_transform
from regkit.io.names import display_name
from regkit.registration.config import RegisterConfig
from regkit.registration.template import TemplateStage, stage_config
from regkit.transforms import Transform
from regkit.volume import Volume

if TYPE_CHECKING:
    from regkit.cohort.start import Crew

_RETRIES = 2


@dataclass
class RegisterOnWorkers:
    """Registers the images of a group; see :class:`regkit.registration.template.RegisterGroup`.

    Parameters
    ----------
    crew
        Workers that see the same files.
    images
        The files of the group, each a row.
    scratch
        Where the template and the transforms of each iteration are kept meanwhile.
    config
        How an image is registered.
    reading
        How it is read, by the names of :class:`regkit.io.ReadOptions`.
    threads
        Of each registration; the result depends on them.
    on_row
        Called as each image ends, with how many have and in which iteration.
    records
        What the records of the last iteration say, one an image.
    """

    crew: Crew
    images: Sequence[Path]
    scratch: Path
    config: RegisterConfig
    reading: Mapping[str, Any]
    threads: int
    on_row: Callable[[int, int, TemplateStage], None]
    records: list[Mapping[str, Any]] = field(default_factory=list)
    _iteration: int = 0

    def __call__(
        self, template: Volume, starts: Sequence[Transform | None], stage: TemplateStage
    ) -> list[Transform]:
        """World points of the template to world points of each image; ``starts`` likewise."""
        self._iteration += 1
        folder = self.scratch / f"{self._iteration:03}"
        folder.mkdir()
        save(template, folder / "template.nii.gz")
        plans = [self._planned(folder, n, start, stage) for n, start in enumerate(starts)]
        way = WorkWay(STEP_ROWS, folder, self.threads)
        ended: dict[int, FinishedPair] = {}
        for each in run_pairs(self.crew.client, plans, way, retries=_RETRIES, tend=self.crew.tend):
            ended[each.number] = each
            self._refuse_failed(each)
            self.on_row(len(ended), self._iteration, stage)
        self.records = [ended[n].record for n in range(len(plans))]
        return [read_transform(plan.job.outputs.folder / STEP_TRANSFORM) for plan in plans]

    def _planned(
        self, folder: Path, number: int, start: Transform | None, stage: TemplateStage
    ) -> PlannedPair:
        name = f"{number:05}"
        options = {
            **stage_config(self.config, stage, start).model_dump(mode="json"),
            **self.reading,
        }
        if start is not None:
            options["init"] = str(write_transform(start, folder / f"{name}_start.h5"))
        files = {"fixed": (folder / "template.nii.gz",), "moving": (self.images[number],)}
        row = PairRow(number + 1, files, options, name=name)
        return PlannedPair(row, STEP_ROWS.make(row, folder / name))

    def _refuse_failed(self, finished: FinishedPair) -> None:
        if finished.status == "failed":
            name = display_name(self.images[finished.number])
            said = finished.error.removeprefix(f"{name}: ")
            raise InputError(f"{name}: could not be registered to the template: {said}")
