"""GeneralizationJob: ask one model about one image, with every source of prompts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from foundation.prompts import Prompts
from foundation.segmenters import Segmenter
from foundation.segmenters.registry import open_segmenter
from foundation.studies.asking import Question, prompts_of, show, unanswerable
from foundation.studies.cells import EMPTY_PROMPT, ERROR, StudyCell
from foundation.studies.config import OF_REPORT
from foundation.studies.generalization.config import ATLAS, MODEL, OF_TRUTH, GeneralizationConfig
from foundation.studies.job import CellsJob
from foundation.studies.scores import structure
from regkit.io import open_image, open_labels
from regkit.runs import InputFile
from regkit.settings import validate
from regkit.volume import Labels


@dataclass(frozen=True, kw_only=True)
class GeneralizationJob(CellsJob):
    """One model and one image, as it is or shifted, with every source of prompts.

    Parameters
    ----------
    shift, severity
        How the image was changed; ``none`` and 0 where it was not.
    image
        The image as the model sees it.
    atlas_labels
        The labels of the atlas on the grid of the image, where a source needs them.
    """

    kind: ClassVar[str] = "generalization"

    config: GeneralizationConfig
    shift: str
    severity: int
    image: Path
    atlas_labels: Path | None

    def inputs(self) -> list[InputFile]:
        """List the image, the truth and the labels of the atlas."""
        given = [
            ("image", self.image), ("labels", self.of_case.labels), ("atlas", self.atlas_labels)
        ]  # fmt: skip
        return [InputFile(role, path) for role, path in given if path is not None]

    def asked(self) -> dict[str, Any]:
        """Return the study but for other cases and models, and how the image was changed."""
        of_others = {"in_domain", "oracle", "baseline", "atlas", "shifts", "registration"}
        asked = self.config.model_dump(mode="json", exclude=OF_REPORT | of_others)
        return {**asked, "shift": self.shift, "severity": self.severity}

    @property
    def count(self) -> int:
        """How many questions there are."""
        return len(self.config.structures) * len(self.config.sources)

    def questions(self, labels: Labels, blank: StudyCell) -> Iterator[Question]:
        """Ask for every structure by a prompt of every source."""
        sources = _Sources(self.image, self.atlas_labels)
        unit = "severity" if self.severity else ""
        for label, values in self.config.structures.items():
            truth = structure(labels, values)
            for source in self.config.sources:
                cell = replace(
                    blank, label=label, prompt=source, perturbation=self.shift,
                    magnitude=float(self.severity), unit=unit, seed=self.config.seed,
                )  # fmt: skip
                yield _question(cell, truth, sources, values)


@dataclass(frozen=True)
class _Sources:
    """Where prompts come from that are not made of the truth; each is made once."""

    image: Path
    atlas_labels: Path | None

    @cached_property
    def atlas(self) -> Labels | None:
        return None if self.atlas_labels is None else open_labels(self.atlas_labels)

    @cached_property
    def _models(self) -> dict[str, Segmenter | tuple[str, str]]:
        return {}

    def model(self, name: str) -> Segmenter | tuple[str, str]:
        if name not in self._models:
            self._models[name] = show(lambda: open_segmenter(name), open_image(self.image))
        return self._models[name]


def _question(
    cell: StudyCell, truth: Labels, sources: _Sources, values: tuple[int, ...]
) -> Question:
    source = cell.prompt
    cell = unanswerable(cell, truth, empty=False)
    if source in OF_TRUTH:
        return Question(cell, prompts_of(OF_TRUTH[source], truth), truth)
    if source == ATLAS:
        return _of_mask(cell, truth, None if sources.atlas is None else sources.atlas, values)
    if source.startswith(MODEL):
        return _of_model(cell, truth, sources.model(source.removeprefix(MODEL)))
    given = {"class": Prompts(classes=(cell.label,)), "text": Prompts(text=(cell.label,))}
    return Question(cell, given.get(source, Prompts()), truth)


def _of_mask(
    cell: StudyCell, truth: Labels, labels: Labels | None, values: tuple[int, ...]
) -> Question:
    """A prompt from labels of the atlas that registration brought here."""
    if labels is None:
        return Question(replace(cell, status=ERROR, message="the atlas is not there"), truth=truth,
                        prompts=Prompts())  # fmt: skip
    mask = structure(labels, values)
    if not bool(mask.data.any()):
        cell = replace(cell, status=EMPTY_PROMPT, message="the atlas has no such structure here")
    return Question(cell, Prompts(mask=mask), truth)


def _of_model(cell: StudyCell, truth: Labels, model: Segmenter | tuple[str, str]) -> Question:
    """A prompt from what another model finds by the name of the structure, or without any."""
    if isinstance(model, tuple):
        return Question(replace(cell, status=model[0], message=model[1]), Prompts(), truth)
    known = model.capabilities.classes
    asked = Prompts(classes=(cell.label,)) if cell.label in known else Prompts()
    try:
        mask = model.segment(asked).mask
    except Exception as error:  # whatever a model of somebody else raises is a result of the study
        text = " ".join(str(error).split())[:300]
        return Question(replace(cell, status=ERROR, message=text), Prompts(), truth)
    if not bool(mask.data.any()):
        cell = replace(cell, status=EMPTY_PROMPT, message=f"{model.name} found nothing")
    return Question(cell, Prompts(mask=mask), truth)


def generalization_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> GeneralizationJob:
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, folder
        As of :data:`regkit.runs.kinds.Again`.
    inputs
        Image, labels and labels of the atlas, by role.

    Raises
    ------
    InputError
        If its settings or inputs are not those of a study.
    """
    asked = dict(record["asked"])
    paths = {each.role: each.path for each in inputs}
    model, about, shift, severity = (asked.pop(k) for k in ("model", "case", "shift", "severity"))
    case = {**about, "image": str(paths["image"]), "labels": str(paths["labels"])}
    given = {**asked, "study": "again", "models": [model], "cases": [case]}
    given["in_domain"] = case["domain"]
    atlas = paths.get("atlas")
    if atlas is not None:
        given["atlas"] = {"image": str(paths["image"]), "labels": str(atlas)}
    config = validate(GeneralizationConfig, given, "the record")
    return GeneralizationJob(
        config=config, model=model, case=config.cases[0].name, folder=folder, shift=shift,
        severity=severity, image=paths["image"], atlas_labels=atlas,
    )  # fmt: skip
