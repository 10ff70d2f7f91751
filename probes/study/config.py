"""What every study by probes is told: the table, the outcome, the features, and how to judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import Field, model_validator

from probes.features import pooling_called
from probes.features.opening import check_source
from probes.linear import FoldPlan
from probes.linear.nested import STRENGTHS, ProbeSettings
from probes.table import LAYOUTS
from probes.table.columns import TableColumns
from regkit.errors import InputError
from regkit.io.settings import read_settings
from regkit.settings import Settings, near, validate

VOLUMES, COVARIATES = "volumes", "covariates"
OF_NUMBERS = (VOLUMES, COVARIATES)
"""Sources that are no maps: volumes of structures, and columns of the table."""
_PATHS = ("table", "atlas", "atlas_labels", "cache")
Whole = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class FeatureChoice(Settings):
    """One source of features.

    ``source`` is ``intensity``, ``volumes``, ``covariates``, ``gradicon=WEIGHTS``, or a backbone
    as `regkit features list` shows it. ``random`` draws its weights: a baseline, never a model.
    """

    source: str
    name: str = ""
    layers: tuple[str, ...] = ()
    pooling: Annotated[tuple[str, ...], Field(min_length=1)] = ("mean",)
    random: bool = False
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            if self.source not in OF_NUMBERS:
                check_source(self.source)
            for each in self.pooling:
                pooling_called(each)
        except InputError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def title(self) -> str:
        """What reports call it; random weights never go by another name."""
        kind, given, place = self.source.partition("=")
        word = self.name or f"{Path(kind).name}{given}{Path(place).name}"
        return f"{word} (random weights)" if self.random else word

    @property
    def baseline(self) -> bool:
        """Whether it is something that a model has to be better than."""
        return self.random or self.source in ("intensity", *OF_NUMBERS)


class OutcomeChoice(Settings):
    """What is to be told: a class, a number, or the time to an event.

    ``column`` with ``positive`` is a class: the values that count as 1. ``column`` alone is a
    number. ``time`` and ``event`` are survival: a time, and whether the event was seen then.
    """

    column: str = ""
    positive: tuple[str, ...] = ()
    time: str = ""
    event: str = ""

    @model_validator(mode="before")
    @classmethod
    def _words(cls, given: Any) -> Any:
        """One value, and numbers as YAML has them, for a row of words."""
        if isinstance(given, dict) and "positive" in given:
            values = given["positive"]
            many = values if isinstance(values, list | tuple) else [values]
            return {**given, "positive": tuple(str(each) for each in many)}
        return given

    @model_validator(mode="after")
    def _check(self) -> Self:
        survival = bool(self.time) and bool(self.event)
        if bool(self.column) == survival or bool(self.time) != bool(self.event):
            raise ValueError("outcome: give a column, or both time and event")
        if self.positive and survival:
            raise ValueError("outcome: positive values are for a column, not for time and event")
        return self


class ProbeConfig(Settings):
    """A study by probes; see ``docs/probes.md`` for what each setting means.

    ``margin`` is the smallest difference of the headline measure that would matter; a report says
    first where intervals are wider than ``widest``. ``maps`` shows what the probes look at, as the
    mean over ``map_subjects`` rows.
    """

    study: str = Field(min_length=1, max_length=80)
    table: Path
    layout: str = "table"
    columns: TableColumns = TableColumns()
    outcome: OutcomeChoice
    covariates: tuple[str, ...] = ()
    split: str = ""
    features: Annotated[tuple[FeatureChoice, ...], Field(min_length=1)]
    shape: Annotated[tuple[Whole, ...], Field(min_length=2, max_length=3)] | None = None
    structures: tuple[Whole, ...] = ()
    folds: int = Field(default=5, ge=2, le=50)
    inner_folds: int = Field(default=3, ge=2, le=20)
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0, 1, 2)
    components: Whole | None = None
    strengths: Annotated[tuple[Positive, ...], Field(min_length=1)] = STRENGTHS
    permutations: int = Field(default=20, ge=0, le=10_000)
    resamples: int = Field(default=1000, ge=100, le=100_000)
    level: float = Field(default=0.95, gt=0, lt=1)
    margin: Positive = 0.05
    widest: Positive = 0.25
    seed: int = Field(default=0, ge=0)
    maps: bool = True
    map_subjects: int = Field(default=24, ge=2)
    cache: Path | None = None

    @model_validator(mode="after")
    def _check_study(self) -> Self:
        if self.layout not in LAYOUTS:
            raise ValueError(f"layout {self.layout!r} is not known{near(self.layout, LAYOUTS)}")
        twice = [name for name, n in Counter(f.title for f in self.features).items() if n > 1]
        if twice:
            raise ValueError(f"features name {twice[0]!r} twice; give each its own `name`")
        sources = [each.source for each in self.features]
        if COVARIATES in sources and not self.covariates:
            raise ValueError("features name covariates; list their columns as `covariates`")
        pooled = any("roi" in each.pooling for each in self.features)
        if (pooled or VOLUMES in sources) and not self.structures:
            raise ValueError("volumes and the pooling roi need `structures`: label values")
        return self

    def plan(self, split: Sequence[str] | None = None) -> ProbeSettings:
        """Return how probes are fitted.

        Parameters
        ----------
        split
            ``train`` or ``test`` for each row, where the table says so.
        """
        folds = FoldPlan(
            self.folds, self.inner_folds, self.seeds, None if split is None else tuple(split)
        )
        return ProbeSettings(folds, self.components, self.strengths)


AnyProbeConfig = TypeVar("AnyProbeConfig", bound=ProbeConfig)


def read_probe_config(
    path: Path, model: type[AnyProbeConfig], **given: Path | None
) -> AnyProbeConfig:
    """Read the configuration of a study; its paths count from its own folder.

    Parameters
    ----------
    path
        A YAML file.
    model
        Which study it is of.
    **given
        Paths that replace those of the file, such as ``table``; None leaves the file's.

    Raises
    ------
    InputError
        If a setting is unknown, with the names that are near, or a value is not allowed.
    """
    said, folder = read_settings(path), path.absolute().parent
    located = {
        key: str(folder / value)
        for key, value in said.items()
        if key in _PATHS and isinstance(value, str)
    }
    asked = {key: str(value) for key, value in given.items() if value is not None}
    return validate(model, {**said, **located, **asked}, path.name)
