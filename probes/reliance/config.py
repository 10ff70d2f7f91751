"""What a study of feature reliance is told."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from probes.images.model_settings import ModelSettings
from probes.images.settings import DataSettings
from probes.reliance.presets import RELIANCE_PRESETS
from probes.reliance.skill import TaskKind
from probes.reliance.suppressor import suppressor_called
from regkit.errors import InputError
from regkit.settings import Settings


class RelianceConfig(Settings):
    """Models, data sets and suppressors.

    ``task`` says what is known of images and how models are judged, as
    :func:`~probes.reliance.skill.skill` has it.
    ``suppressors`` are those that suit the bands where none are named; ``levels`` gives some of
    them other strengths; ``match`` replaces the levels of each by the one that leaves this share of
    its own cue, found on the images themselves. ``span`` holds the least and the largest value that
    a band can have, ``[0, 255]`` in 8-bit images, of which strengths are shares; without it they
    are the 1st and the 99th percentile of each band over the data set. ``preset: paper`` has the
    suppressors, levels and span of Burgert et al. 2025; what is given beside it goes first.
    """

    study: str = Field(min_length=1, max_length=80)
    task: TaskKind = "classes"
    data: Annotated[tuple[DataSettings, ...], Field(min_length=1)]
    models: tuple[ModelSettings, ...] = ()
    preset: Literal["paper"] | None = None
    suppressors: tuple[str, ...] | None = None
    levels: dict[str, tuple[Annotated[float, Field(gt=0)], ...]] = Field(default_factory=dict)
    match: float | None = Field(default=None, gt=0, lt=1)
    span: tuple[float, float] | None = None
    draws: int = Field(default=3, ge=1, le=100)
    batch_size: int = Field(default=64, ge=1, le=4096)
    seed: int = Field(default=0, ge=0)
    resamples: int = Field(default=1000, ge=100, le=100_000)
    level: float = Field(default=0.95, gt=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, given: Any) -> Any:
        """What is no mapping, or no preset, is refused by what follows."""
        if not isinstance(given, dict) or not isinstance(given.get("preset"), str):
            return given
        return {**RELIANCE_PRESETS.get(given["preset"], {}), **given}

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        for what, names in (
            ("data", [each.name for each in self.data]),
            ("models", [each.name for each in self.models]),
            ("suppressors", list(self.suppressors or ())),
        ):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise ValueError(f"{what} name {twice[0]!r} twice; give each its own name")
        if self.span is not None and not self.span[0] < self.span[1]:
            raise ValueError("span must be the least and the largest value of a band, in order")
        for name in (*(self.suppressors or ()), *self.levels):
            try:
                suppressor_called(name)
            except InputError as error:
                raise ValueError(str(error)) from None
        return self
