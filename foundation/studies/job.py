"""What the jobs of studies have in common: one model, one image, many questions, many cells."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from foundation.segmenters import Segmenter
from foundation.segmenters.registry import model_weights, open_segmenter
from foundation.studies.asking import Question, ask, show
from foundation.studies.cells import DONE, StudyCell, write_cells
from foundation.studies.config import LabelValues, StudyCase, StudyConfig
from foundation.studies.identity import identity
from foundation.studies.kept_answers import ANSWERS, KeptAnswers
from foundation.studies.rows import CELLS
from regkit.cohort.kept import RecentCache
from regkit.errors import InputError
from regkit.io import open_image, open_labels, read_header
from regkit.io.header import Header
from regkit.runs import RECORD, Folder, InputFile, Needs, OnProgress, Progress, Survey, Task
from regkit.volume import Labels, Volume

_BYTES_A_VOXEL = 64  # image, labels, a mask or two, and the distances of one structure


@dataclass(frozen=True, kw_only=True)
class CellsJob(ABC):
    """One model and one image of a study.

    Parameters
    ----------
    config
        The study.
    model, case
        Names of one of its models and one of its cases.
    folder
        Where the table of cells goes.
    overwrite
        Replace what is there.
    resume
        Go on with the answers that a stopped run has left.
    """

    kind: ClassVar[str]

    config: StudyConfig
    model: str
    case: str
    folder: Path
    overwrite: bool = False
    resume: bool = False

    @property
    def outputs(self) -> Folder:
        """The folder of the cells and the record."""
        return Folder(self.folder, (CELLS, RECORD), self.overwrite)

    @property
    def of_case(self) -> StudyCase:
        """Whose image it is, and where it is from."""
        return next(case for case in self.config.cases if case.name == self.case)

    @property
    def structures(self) -> Mapping[str, LabelValues]:
        """The values of each structure in the label map of the case."""
        return self.config.values_by(self.of_case.table)

    @property
    def told_by(self) -> tuple[str, ...]:
        """Names of other models whose answers are prompts of this one."""
        return ()

    @abstractmethod
    def inputs(self) -> list[InputFile]:
        """List the image, the truth, and what else is read."""

    @abstractmethod
    def asked(self) -> dict[str, Any]:
        """Return what is asked, without other cases and models."""

    def settings(self) -> dict[str, Any]:
        """Return what is asked, of which model, about which case and by which values of labels."""
        case = self.of_case
        about = case.model_dump(mode="json", exclude={"image", "labels", "table"})
        asked = {**self.asked(), "model": self.model, "case": about}
        if case.table:
            asked["labels"] = {name: list(values) for name, values in self.structures.items()}
        return {"asked": asked}

    def plan(self) -> dict[str, Any]:
        """Return the same."""
        return dict(self.settings()["asked"])

    def check(self) -> None:  # noqa: B027  no kind needs more
        """Do nothing: the configuration has been judged."""

    def look(self) -> CellsSurvey:
        """Read the headers of image and labels, the first two inputs.

        Raises
        ------
        InputError
            If they do not lie on one grid.
        """
        image, labels = (read_header(each.path) for each in self.inputs()[:2])
        if not labels.grid.lies_on(image.grid):
            raise InputError(
                f"{labels.name}: lies on {labels.grid!r}, the image on {image.grid!r}; resample "
                "the labels onto the image first, as `regkit apply --labels` does"
            )
        return CellsSurvey(self, image, labels)

    @property
    @abstractmethod
    def count(self) -> int:
        """How many questions there are."""

    @abstractmethod
    def questions(self, labels: Labels, blank: StudyCell) -> Iterator[Question]:
        """Give every question.

        Parameters
        ----------
        labels
            ``(1, i, j, k)``, the truth on the grid of the image.
        blank
            A cell in which the model and the case are known.
        """


@dataclass(frozen=True)
class CellsSurvey:
    """A job whose headers have been looked at."""

    job: CellsJob
    image: Header
    labels: Header

    def needs(self) -> Needs:
        """Estimate the memory of the images; that of a model is its own."""
        memory = _BYTES_A_VOXEL * int(np.prod(self.image.grid.shape))
        return Needs(memory, of=self.image.name)

    def open(self, open_model: Callable[[str], Segmenter] = open_segmenter) -> CellsTask:
        """Read the image and its labels.

        Parameters
        ----------
        open_model
            A name to a segmenter, which a worker may have kept.
        """
        image, labels = open_image(self.image), open_labels(self.labels)
        return CellsTask(self.job, image, labels, open_model)


@dataclass(frozen=True, eq=False)
class CellsTask:
    """A model and an image that has been read."""

    job: CellsJob
    image: Volume
    labels: Labels
    open_model: Callable[[str], Segmenter]
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> CellsOutcome:
        """Ask everything; what goes wrong is in the cells."""
        job = self.job
        model = show(lambda: self.open_model(job.model), self.image)
        weights = "" if isinstance(model, tuple) else model.capabilities.weights
        kept = KeptAnswers.at(job.folder / ANSWERS, resume=job.resume)
        cells: list[StudyCell] = []
        for question in self.questions(weights):
            cells.append(
                replace(question.cell, status=model[0], message=model[1])
                if isinstance(model, tuple)
                else self._answered(model, question, kept)
            )
            on_progress(Progress(job.model, len(cells) / job.count))
        return CellsOutcome(cells, {job.model: weights, **self._others()}, kept)

    def _answered(self, model: Segmenter, question: Question, kept: KeptAnswers) -> StudyCell:
        """The answer that is kept, or a new one."""
        known = kept.get(question.cell)
        if known is None:
            known = ask(model, question, self.job.config.tolerance)
            kept.add(known)
        return known

    def questions(self, weights: str = "") -> Iterator[Question]:
        """Give every question; ``weights`` is the SHA-256 of the model's."""
        return self.job.questions(self.labels, self._blank(weights))

    def _others(self) -> dict[str, str]:
        return {name: model_weights(name) for name in self.job.told_by if name != self.job.model}

    def _blank(self, weights: str) -> StudyCell:
        job, case = self.job, self.job.of_case
        others = "".join(self._others().values())
        return StudyCell(
            study=identity(job.settings(), list(job.inputs()), weights + others), model=job.model,
            weights=weights, case=case.name, subject=case.owner, domain=case.domain, label="",
            prompt="", perturbation="none", magnitude=0.0, unit="", seed=0, status=DONE,
        )  # fmt: skip


@dataclass(frozen=True)
class CellsOutcome:
    """The cells of one model and one image.

    Parameters
    ----------
    cells
        All of them.
    weights
        The SHA-256 of the weights of the model, and of those that it is told by; "" where there are
        none.
    kept
        What was kept of the cells on the way.
    """

    cells: Sequence[StudyCell]
    weights: Mapping[str, str]
    kept: KeptAnswers

    def entries(self, seconds: float) -> dict[str, Any]:
        """Return the weights, and how many cells ended how, for the record."""
        states = Counter(cell.status for cell in self.cells)
        return {"weights": dict(self.weights), "states": dict(states)}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the cells."""
        write_cells(self.cells, places[CELLS])
        self.kept.remove()

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return a line that counts the cells."""
        return (f"{len(self.cells)} cells",)


def open_with_model(survey: Survey, kept: RecentCache) -> Task:
    """The task of a survey, with a model that this worker may have opened before."""
    if not isinstance(survey, CellsSurvey):
        return survey.open()

    def open_model(name: str) -> Segmenter:
        return kept.get(("segmenter", name), lambda: open_segmenter(name))

    return survey.open(open_model)
