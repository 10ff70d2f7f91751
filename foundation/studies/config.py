"""What every study is told: models, cases, structures, and how results are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import Field, model_validator

from foundation.segmenters.registry import check_segmenter
from regkit.errors import InputError
from regkit.io.settings import read_settings
from regkit.settings import Settings, near, refuse_repeats, validate

LabelValues = tuple[int, ...]
LabelTable = dict[str, int | LabelValues]
OF_REPORT = {"study", "truth", "models", "cases", "tables", "failure_below", "level", "resamples"}
"""Settings that decide no cell: a study whose report is to change need not be asked again."""


class StudyCase(Settings):
    """One image and the truth about it.

    ``subject`` is whose it is, by default nobody else's; several images of one subject count once.
    ``domain`` says where it is from, for studies that compare domains. ``table`` names the one of
    the study's tables by which its label map is read, where that is not ``labels``.
    """

    name: str = Field(min_length=1, pattern=r"^[\w.+-]+$")
    image: Path
    labels: Path
    subject: str = ""
    domain: str = ""
    table: str = ""

    @property
    def owner(self) -> str:
        """Whose image it is."""
        return self.subject or self.name


class StudyConfig(Settings):
    """What all studies have in common.

    ``labels`` gives each structure the values that it has in the label maps; ``tables`` are other
    such tables, for label maps from elsewhere that give the same structures other values.
    ``truth`` says what the label maps are where that limits what can be concluded, such as a silver
    standard; the report repeats it.
    ``tolerance`` of the surface Dice is in world units; a result with a Dice below
    ``failure_below`` is a failure.
    """

    study: str = Field(min_length=1, max_length=80)
    truth: str = Field(default="", max_length=400)
    models: Annotated[tuple[str, ...], Field(min_length=1)]
    cases: Annotated[tuple[StudyCase, ...], Field(min_length=1)]
    labels: Annotated[LabelTable, Field(min_length=1)]
    tables: dict[str, LabelTable] = Field(default_factory=dict)
    seed: int = Field(default=0, ge=0)
    tolerance: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    failure_below: float = Field(default=0.5, ge=0, le=1)
    level: float = Field(default=0.95, gt=0, lt=1)
    resamples: int = Field(default=10_000, ge=100, le=1_000_000)

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        refuse_repeats("models", self.models)
        refuse_repeats("cases", (case.name for case in self.cases))
        for table in ({"labels": self.labels} | self.tables).values():
            self._check_table(table)
        for case in self.cases:
            self.check_table_name(case.table, f"case {case.name!r}")
            if case.labels == case.image:
                raise ValueError(f"case {case.name!r}: its labels are its image; give a label map")
        return self

    def _check_table(self, table: LabelTable) -> None:
        for name, values in _as_tuples(table).items():
            if name not in self.labels:
                raise ValueError(f"a table has the structure {name!r}{near(name, self.labels)}")
            if 0 in values:
                raise ValueError(f"{name!r} has the value 0, which is background; leave it out")

    def check_table_name(self, name: str, whose: str) -> None:
        """Refuse the name of a table that the study does not have.

        Parameters
        ----------
        name
            That of one of ``tables``, or "".
        whose
            What the message calls the one who gives it.

        Raises
        ------
        ValueError
            With the names that are near.
        """
        if name and name not in self.tables:
            raise ValueError(f"{whose} has the table {name!r}{near(name, self.tables)}")

    def values_by(self, table: str) -> Mapping[str, LabelValues]:
        """The values of each structure in label maps of a table; none where it has no such one.

        Parameters
        ----------
        table
            The name of one of ``tables``; "" is ``labels``.
        """
        given = _as_tuples(self.tables[table] if table else self.labels)
        return {name: given.get(name, ()) for name in self.labels}


def _as_tuples(table: LabelTable) -> dict[str, LabelValues]:
    return {name: (value,) if isinstance(value, int) else value for name, value in table.items()}


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
