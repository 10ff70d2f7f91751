"""What every study is told: models, cases, structures, and how results are judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import Field, model_validator

from foundation.segmenters.registry import check_segmenter
from regkit.errors import InputError
from regkit.io import open_labels
from regkit.io.settings import read_settings
from regkit.settings import Settings, validate

LabelValues = tuple[int, ...]
OF_REPORT = {"study", "models", "cases", "failure_below", "level", "resamples"}
"""Settings that decide no cell: a study whose report is to change need not be asked again."""


class StudyCase(Settings):
    """One image and the truth about it.

    ``subject`` is whose it is, by default nobody else's; several images of one subject count once.
    ``domain`` says where it is from, for studies that compare domains.
    """

    name: str = Field(min_length=1, pattern=r"^[\w.+-]+$")
    image: Path
    labels: Path
    subject: str = ""
    domain: str = ""

    @property
    def owner(self) -> str:
        """Whose image it is."""
        return self.subject or self.name


class StudyConfig(Settings):
    """What all studies have in common.

    ``labels`` gives each structure the values that it has in the label maps; ``tolerance`` of the
    surface Dice is in world units; a result with a Dice below ``failure_below`` is a failure.
    """

    study: str = Field(min_length=1, max_length=80)
    models: Annotated[tuple[str, ...], Field(min_length=1)]
    cases: Annotated[tuple[StudyCase, ...], Field(min_length=1)]
    labels: Annotated[dict[str, int | LabelValues], Field(min_length=1)]
    seed: int = Field(default=0, ge=0)
    tolerance: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    failure_below: float = Field(default=0.5, ge=0, le=1)
    level: float = Field(default=0.95, gt=0, lt=1)
    resamples: int = Field(default=10_000, ge=100, le=1_000_000)

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        for what, names in (
            ("models", self.models),
            ("cases", tuple(case.name for case in self.cases)),
        ):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise ValueError(f"{what} name {twice[0]!r} twice; give each its own name")
        if any(0 in values for values in self.structures.values()):
            raise ValueError("labels name the value 0, which is background; leave it out")
        return self

    @property
    def structures(self) -> Mapping[str, LabelValues]:
        """The values of each structure, by its name."""
        return {
            name: (value,) if isinstance(value, int) else value
            for name, value in self.labels.items()
        }


def check_labels_occur(study: StudyConfig, name: str) -> None:
    """Refuse structures that occur in no label map of a study.

    Label maps are read until every structure has been seen, which is mostly the first one.

    Parameters
    ----------
    study
        Whose label maps are there.
    name
        What the message calls the configuration.

    Raises
    ------
    InputError
        Naming the structure and the values that there are.
    """
    missing, seen = dict(study.structures), set[int]()
    for case in study.cases:
        seen |= set(open_labels(case.labels).values)
        missing = {label: values for label, values in missing.items() if not seen & set(values)}
        if not missing:
            return
    label, values = next(iter(missing.items()))
    there = ", ".join(map(str, sorted(seen)[:40]))
    raise InputError(
        f"{name}: label {label!r} is {', '.join(map(str, values))}, which no label map holds; "
        f"their values are {there}"
    )


AnyStudy = TypeVar("AnyStudy", bound=StudyConfig)


def read_study(path: Path, model: type[AnyStudy]) -> AnyStudy:
    """Read the configuration of a study; its paths count from its own folder.

    Parameters
    ----------
    path
        A YAML file.
    model
        Which study it is of.

    Raises
    ------
    InputError
        If a setting or a model is unknown, with the names that are near, or a value is not allowed.
    """
    given = read_settings(path)
    folder, cases = path.absolute().parent, given.get("cases")
    if isinstance(cases, Sequence) and not isinstance(cases, str):
        given = {**given, "cases": [_located(case, folder) for case in cases]}
    if "atlas" in given:
        given = {**given, "atlas": _located(given["atlas"], folder)}
    study = validate(model, given, path.name)
    for name in study.models:
        try:
            check_segmenter(name)
        except InputError as error:
            raise InputError(f"{path.name}: {error}") from None
    return study


def _located(case: Any, folder: Path) -> Any:
    if not isinstance(case, Mapping):
        return case
    paths = {
        key: str(folder / value)
        for key, value in case.items()
        if key in ("image", "labels") and isinstance(value, str)
    }
    return {**case, **paths}
