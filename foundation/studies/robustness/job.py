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
from foundation.studies.config import OF_REPORT
from foundation.studies.job import CellsJob
from foundation.studies.robustness.config import RobustnessConfig
from foundation.studies.scores import structure
from regkit.runs import InputFile
from regkit.settings import validate
from regkit.volume import Labels


@dataclass(frozen=True, kw_only=True)
class RobustnessJob(CellsJob):
    """One model and one image, with the prompt as it was and perturbed."""

    kind: ClassVar[str] = "robustness"

    config: RobustnessConfig

    def inputs(self) -> list[InputFile]:
        """List the image and its labels."""
        case = self.of_case
        return [InputFile("image", case.image), InputFile("labels", case.labels)]

    def asked(self) -> dict[str, Any]:
        """Return the study but for its cases and models."""
        return self.config.model_dump(mode="json", exclude=OF_REPORT)

    @property
    def count(self) -> int:
        """How many questions there are."""
        return len(self.config.labels) * len(list(self.config.questions()))

    def questions(self, labels: Labels, blank: StudyCell) -> Iterator[Question]:
        """Ask for every structure, with its prompt as it was and perturbed."""
        for label, values in self.structures.items():
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
        relative=_known(perturbation.share_of_radius(truth, cell.magnitude)),
        clipped=found.clipped,
    )
    return Question(unanswerable(cell, truth, empty=found.empty), found.prompts, truth)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def robustness_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> RobustnessJob:
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, folder
        As of :data:`regkit.runs.kinds.Again`.
    inputs
        Image and labels, by role.

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
    return RobustnessJob(config=config, model=model, case=config.cases[0].name, folder=folder)
