"""RobustnessJob: ask one model about one image, with every perturbation of the prompt."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from foundation.prompts import Prompts, seed_of
from foundation.prompts.perturbations import perturbation_called
from foundation.prompts.perturbations.perturbation import WORLD
from foundation.studies.asking import NO_PROMPTS, Question, prompts_of, unanswerable
from foundation.studies.cells import StudyCell
from foundation.studies.config import OF_REPORT, StudyCase
from foundation.studies.job import CellsSurvey, read_case_headers
from foundation.studies.robustness.config import RobustnessConfig
from foundation.studies.rows import CELLS
from foundation.studies.scores import structure
from regkit.runs import RECORD, Folder, InputFile
from regkit.settings import validate
from regkit.volume import Labels


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
        asked = self.config.model_dump(mode="json", exclude=OF_REPORT)
        about = self.of_case.model_dump(mode="json", exclude={"image", "labels"})
        return {"asked": {**asked, "model": self.model, "case": about}}

    def plan(self) -> dict[str, Any]:
        """Return the same."""
        return dict(self.settings()["asked"])

    def check(self) -> None:
        """Do nothing: the configuration has been judged."""

    def look(self) -> CellsSurvey:
        """Read the headers of image and labels."""
        return read_case_headers(self)

    @property
    def count(self) -> int:
        """How many questions there are."""
        return len(self.config.labels) * len(list(self.config.questions()))

    def questions(self, labels: Labels, blank: StudyCell) -> Iterator[Question]:
        """Ask for every structure, with its prompt as it was and perturbed.

        Parameters
        ----------
        labels
            ``(1, i, j, k)``, the truth on the grid of the image.
        blank
            A cell in which the model and the case are known.
        """
        for label, values in self.config.structures.items():
            truth = structure(labels, values)
            clean = prompts_of(self.config.prompt, truth)
            for name, magnitude, seed in self.config.questions():
                cell = replace(
                    blank, label=label, prompt=self.config.prompt, perturbation=name,
                    magnitude=magnitude, seed=seed,
                )  # fmt: skip
                yield _question(cell, clean, truth)


def _question(cell: StudyCell, clean: Prompts, truth: Labels) -> Question:
    if cell.perturbation == "none" or clean is NO_PROMPTS:
        return Question(unanswerable(cell, truth, empty=False), clean, truth)
    drawn = np.random.default_rng(
        seed_of(cell.seed, cell.case, cell.label, cell.perturbation, cell.magnitude)
    )
    perturbation = perturbation_called(cell.perturbation)
    found = perturbation.perturb(clean, cell.magnitude, drawn, view=truth.grid)
    cell = replace(
        cell,
        unit=truth.grid.world.unit if perturbation.unit == WORLD else perturbation.unit,
        realised=_known(found.realised),
        relative=_known(found.relative),
        clipped=found.clipped,
    )
    return Question(unanswerable(cell, truth, empty=found.empty), found.prompts, truth)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


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
