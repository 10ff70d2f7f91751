"""RobustnessJob: ask one model about one image, with every perturbation of the prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from foundation.prompts import Prompts
from foundation.prompts.converters import prompts_from_mask
from foundation.prompts.perturbations import perturbation_called
from foundation.prompts.seeds import seed_of
from foundation.segmenters import Segmenter
from foundation.segmenters.registry import open_segmenter
from foundation.studies.asking import Question, ask, show, unanswerable
from foundation.studies.cells import DONE, StudyCell, write_cells
from foundation.studies.config import StudyCase
from foundation.studies.identity import identity
from foundation.studies.robustness.config import RobustnessConfig
from foundation.studies.rows import CELLS
from foundation.studies.scores import structure
from regkit.errors import InputError
from regkit.io import open_image, open_labels, read_header
from regkit.io.header import Header
from regkit.runs import RECORD, Folder, InputFile, Needs, OnProgress, Progress
from regkit.settings import validate
from regkit.volume import Labels, Volume

_BYTES_A_VOXEL = 64  # image, labels, a mask or two, and the distances of one structure


@dataclass(frozen=True)
class RobustnessJob:
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
    """

    kind: ClassVar[str] = "robustness"

    config: RobustnessConfig
    model: str
    case: str
    folder: Path
    overwrite: bool = False

    @property
    def outputs(self) -> Folder:
        """The folder of the cells and the record."""
        return Folder(self.folder, (CELLS, RECORD), self.overwrite)

    @property
    def of_case(self) -> StudyCase:
        """The case itself."""
        return next(case for case in self.config.cases if case.name == self.case)

    def inputs(self) -> list[InputFile]:
        """List the image and its labels."""
        case = self.of_case
        return [InputFile("image", case.image), InputFile("labels", case.labels)]

    def settings(self) -> dict[str, Any]:
        """Return what is asked, without the images of other cases and other models."""
        asked = self.config.model_dump(mode="json", exclude={"models", "cases", "study"})
        about = self.of_case.model_dump(mode="json", exclude={"image", "labels"})
        return {"asked": {**asked, "model": self.model, "case": about}}

    def plan(self) -> dict[str, Any]:
        """Return the same."""
        return self.settings()["asked"]

    def check(self) -> None:
        """Refuse perturbations that do not fit the prompt."""
        for each in self.config.perturbations:
            perturbation_called(each.name)

    def look(self) -> RobustnessSurvey:
        """Read the headers of image and labels."""
        image, labels = (read_header(each.path) for each in self.inputs())
        if not labels.grid.lies_on(image.grid):
            raise InputError(
                f"{labels.name}: lies on {labels.grid!r}, the image on {image.grid!r}; resample "
                "the labels onto the image first, as `regkit apply --labels` does"
            )
        return RobustnessSurvey(self, image, labels)


@dataclass(frozen=True)
class RobustnessSurvey:
    """A job whose headers have been looked at."""

    job: RobustnessJob
    image: Header
    labels: Header

    def needs(self) -> Needs:
        """Estimate the memory of the images; that of a model is its own."""
        memory = _BYTES_A_VOXEL * int(np.prod(self.image.grid.shape))
        return Needs(memory, of=self.image.name)

    def open(self, open_model: Callable[[str], Segmenter] = open_segmenter) -> RobustnessTask:
        """Read the image and its labels.

        Parameters
        ----------
        open_model
            A name to a segmenter, which a worker may have kept.
        """
        image, labels = open_image(self.image), open_labels(self.labels)
        return RobustnessTask(self.job, image, labels, open_model)


@dataclass(frozen=True, eq=False)
class RobustnessTask:
    """A model and an image that has been read."""

    job: RobustnessJob
    image: Volume
    labels: Labels
    open_model: Callable[[str], Segmenter]
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> RobustnessOutcome:
        """Ask everything; what goes wrong is in the cells."""
        job, config = self.job, self.job.config
        model = show(lambda: self.open_model(job.model), self.image)
        weights = "" if isinstance(model, tuple) else model.capabilities.weights
        blank = self._blank(identity(job.settings(), job.inputs(), weights), weights)
        cells: list[StudyCell] = []
        for question in self._questions(blank):
            cells.append(
                replace(question.cell, status=model[0], message=model[1])
                if isinstance(model, tuple)
                else ask(model, question, config.tolerance)
            )
            on_progress(Progress(job.model, len(cells) / self._count))
        return RobustnessOutcome(cells)

    @property
    def _count(self) -> int:
        config = self.job.config
        return len(config.labels) * len(list(config.questions()))

    def _blank(self, study: str, weights: str) -> StudyCell:
        job, case = self.job, self.job.of_case
        return StudyCell(
            study=study, model=job.model, weights=weights, case=case.name, subject=case.owner,
            domain=case.domain, label="", prompt=job.config.prompt, perturbation="", magnitude=0.0,
            unit="", seed=0, status=DONE,
        )  # fmt: skip

    def _questions(self, blank: StudyCell) -> Iterator[Question]:
        for label, values in self.job.config.structures.items():
            truth = structure(self.labels, values)
            clean = prompts_from_mask(self.job.config.prompt, truth)
            for name, magnitude, seed in self.job.config.questions():
                cell = replace(
                    blank, label=label, perturbation=name, magnitude=magnitude, seed=seed
                )
                yield self._question(cell, clean, truth)

    def _question(self, cell: StudyCell, clean: Prompts, truth: Labels) -> Question:
        empty = not bool(truth.data.any())
        if cell.perturbation == "none" or empty:
            return Question(unanswerable(cell, truth, empty=empty), clean, truth)
        drawn = np.random.default_rng(
            seed_of(cell.seed, cell.case, cell.label, cell.perturbation, cell.magnitude)
        )
        perturbation = perturbation_called(cell.perturbation)
        found = perturbation(clean, cell.magnitude, self.image.grid, drawn)
        cell = replace(
            cell, unit=perturbation.unit_on(self.image.grid), realised=found.realised,
            relative=found.relative, clipped=found.clipped,
        )  # fmt: skip
        return Question(unanswerable(cell, truth, empty=found.empty), found.prompts, truth)


@dataclass(frozen=True)
class RobustnessOutcome:
    """The cells of one model and one image."""

    cells: Sequence[StudyCell]

    def entries(self, seconds: float) -> dict[str, Any]:
        """Return how many cells ended how, for the record."""
        return {"states": dict(Counter(cell.status for cell in self.cells))}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the cells."""
        write_cells(self.cells, places[CELLS])

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return a line that counts the cells."""
        return (f"{len(self.cells)} cells",)


def robustness_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> RobustnessJob:
    """Make the job that a record came from, with another folder.

    Parameters
    ----------
    record
        What a study wrote of one model and one image; its ``asked`` holds the settings.
    inputs
        Image and labels, by role.
    folder
        Where the new job writes.

    Raises
    ------
    InputError
        If its settings or inputs are not those of a study.
    """
    asked = dict(record["asked"])
    paths = {each.role: str(each.path) for each in inputs}
    model, about = asked.pop("model"), asked.pop("case")
    given = {**asked, "study": "again", "models": [model], "cases": [{**about, **paths}]}
    config = validate(RobustnessConfig, given, "the record")
    return RobustnessJob(config, model, config.cases[0].name, folder)
