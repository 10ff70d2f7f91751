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
from foundation.studies.asking import (
    NO_PROMPTS,
    Question,
    answer,
    prompts_of,
    show,
    unanswerable,
)
from foundation.studies.cells import DONE, EMPTY_PROMPT, ERROR, StudyCell
from foundation.studies.config import OF_REPORT, LabelValues
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

    @property
    def told_by(self) -> tuple[str, ...]:
        """The models among the sources."""
        sources = self.config.sources
        return tuple(name.removeprefix(MODEL) for name in sources if name.startswith(MODEL))

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
        atlas = self.config.atlas
        if atlas is not None and atlas.table:
            values = self.config.atlas_values
            asked["atlas_values"] = {name: list(own) for name, own in values.items()}
        return {**asked, "shift": self.shift, "severity": self.severity}

    @property
    def count(self) -> int:
        """How many questions there are."""
        return len(self.config.labels) * len(self.config.sources)

    def questions(self, labels: Labels, blank: StudyCell) -> Iterator[Question]:
        """Ask for every structure by a prompt of every source."""
        sources = _Sources(self.image, self.atlas_labels, self.config.atlas_values)
        unit = "severity" if self.severity else ""
        for label, values in self.structures.items():
            truth = structure(labels, values)
            for source in self.config.sources:
                cell = replace(
                    blank, label=label, prompt=source, perturbation=self.shift,
                    magnitude=float(self.severity), unit=unit, seed=self.config.seed,
                )  # fmt: skip
                yield _question(cell, truth, sources)


@dataclass(frozen=True)
class _Sources:
    """Where prompts come from that are not made of the truth; each is made once."""

    image: Path
    atlas_labels: Path | None
    atlas_values: Mapping[str, LabelValues]

    @cached_property
    def _atlas(self) -> Labels | None:
        return None if self.atlas_labels is None else open_labels(self.atlas_labels)

    @cached_property
    def _models(self) -> dict[str, Segmenter | tuple[str, str]]:
        return {}

    def of_atlas(self, label: str) -> Labels | tuple[str, str]:
        """The mask of a structure, or why there is none: a status and a message."""
        if self._atlas is None:
            return ERROR, "the atlas is not there"
        mask = structure(self._atlas, self.atlas_values[label])
        return mask if bool(mask.data.any()) else (EMPTY_PROMPT, "the atlas has no such structure")

    def of_model(self, name: str, label: str) -> Labels | tuple[str, str]:
        """What another model finds by the name of the structure, if it knows names, or why not."""
        if name not in self._models:
            self._models[name] = show(lambda: open_segmenter(name), open_image(self.image))
        model = self._models[name]
        if isinstance(model, tuple):
            return model
        named = Prompts(classes=(label,)) if model.capabilities.classes else NO_PROMPTS
        mask = answer(model, named)
        if isinstance(mask, tuple) or bool(mask.data.any()):
            return mask
        return EMPTY_PROMPT, f"{model.name} found nothing"


def _question(cell: StudyCell, truth: Labels, sources: _Sources) -> Question:
    source, label = cell.prompt, cell.label
    cell = unanswerable(cell, truth, empty=False)
    if cell.status != DONE:
        return Question(cell, NO_PROMPTS, truth)
    if source in OF_TRUTH:
        return Question(cell, prompts_of(OF_TRUTH[source], truth), truth)
    if source == ATLAS:
        return _by_mask(cell, truth, sources.of_atlas(label))
    if source.startswith(MODEL):
        return _by_mask(cell, truth, sources.of_model(source.removeprefix(MODEL), label))
    given = {"class": Prompts(classes=(label,)), "text": Prompts(text=(label,))}
    return Question(cell, given.get(source, NO_PROMPTS), truth)


def _by_mask(cell: StudyCell, truth: Labels, mask: Labels | tuple[str, str]) -> Question:
    if isinstance(mask, tuple):
        return Question(replace(cell, status=mask[0], message=mask[1]), NO_PROMPTS, truth)
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
    values = asked.pop("atlas_values", None)
    given = {**asked, "study": "again", "models": [model], "cases": [case]}
    given["in_domain"] = case["domain"]
    atlas = paths.get("atlas")
    if ATLAS in given["sources"]:
        given["atlas"] = {
            "image": str(paths["image"]), "labels": str(atlas), "subject": "of the atlas",
            "table": "" if values is None else "of the atlas",
        }  # fmt: skip
        given["tables"] = {} if values is None else {"of the atlas": values}
    config = validate(GeneralizationConfig, given, "the record")
    return GeneralizationJob(
        config=config, model=model, case=config.cases[0].name, folder=folder, shift=shift,
        severity=severity, image=paths["image"], atlas_labels=atlas,
    )  # fmt: skip
