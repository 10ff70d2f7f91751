"""What a study of progression is told beside what every study by probes is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from probes.study.arms import ARMS, ArmName
from probes.study.config import OutcomeChoice, ProbeConfig, Whole
from regkit.errors import InputError
from regkit.registration.config import make_config

Combination = Literal["difference", "baseline", "follow-up", "both"]
OutcomeVisit = Literal["same", "baseline", "follow-up", "change"]


class VisitOutcome(OutcomeChoice):
    """What is to be told of two visits.

    ``visit`` says whose outcome it is: that of the ``baseline``, of the ``follow-up``, or the
    ``change`` of a number from one to the other, of which some values may be ``positive``. Of the
    ``same`` outcome at both visits, one may be empty.
    """

    visit: OutcomeVisit = "same"

    @model_validator(mode="after")
    def _check_visit(self) -> Self:
        if self.visit == "change" and not self.column:
            raise ValueError("outcome: a change is that of a column, not of time and event")
        return self


class ProbeProgressionConfig(ProbeConfig):
    """A study of two visits of each subject; see ``docs/probes.md``.

    ``visits`` name the baseline and the follow-up. ``reference`` is what both are brought to: the
    baseline (``visit``), or an ``atlas``. ``crop`` shows the structures of the reference alone,
    with ``crop_margin`` world units around. ``combine`` says what becomes of the numbers of two
    visits. ``registration`` are options of `regkit register`.
    """

    outcome: VisitOutcome
    visits: tuple[str, str]
    arms: Annotated[tuple[ArmName, ...], Field(min_length=1)] = ARMS
    reference: Literal["visit", "atlas"] = "visit"
    atlas: Path | None = None
    atlas_labels: Path | None = None
    shape: Annotated[tuple[Whole, ...], Field(min_length=2, max_length=3)] = (64, 64, 64)
    crop: bool = False
    crop_margin: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    combine: Combination = "difference"
    unpaired: Literal["refuse", "leave out"] = "refuse"
    registration: Mapping[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_progression(self) -> Self:
        if self.visits[0] == self.visits[1] or len(set(self.arms)) < len(self.arms):
            raise ValueError("visits are two, and every arm is named once")
        if (self.reference == "atlas") != (self.atlas is not None):
            raise ValueError("reference atlas needs `atlas`, an image; reference visit has none")
        if self.crop and not self.structures:
            raise ValueError("crop needs `structures`, which it crops to")
        if "transform" in self.registration:
            raise ValueError("registration: the arms name the transform; leave it out here")
        try:
            make_config(**{**self.registration, "transform": "rigid"})
        except InputError as error:
            raise ValueError(f"registration: {error}") from None
        return self
