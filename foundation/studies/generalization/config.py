"""What a study of domain generalisation is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from foundation.segmenters.registry import check_segmenter
from foundation.studies.config import LabelValues, StudyConfig
from foundation.studies.generalization.shifts import shift_called
from regkit.errors import InputError
from regkit.settings import Settings, near, refuse_repeats

OF_TRUTH = {"point": "points", "box": "box", "mask": "mask"}
"""Prompts that are made of the truth, to the converter that makes them."""
ATLAS, MODEL = "atlas", "model:"
SOURCES = ("none", "class", "text", *OF_TRUTH, ATLAS, f"{MODEL}NAME")


def _check_source(name: str) -> str:
    if name.startswith(MODEL):
        _as_value_error(check_segmenter, name.removeprefix(MODEL))
    elif name not in SOURCES:
        raise ValueError(f"{name!r} is no source of prompts{near(name, SOURCES)}")
    return name


def _check_shift(name: str) -> str:
    _as_value_error(shift_called, name)
    return name


def _as_value_error(check: Any, name: str) -> None:
    try:
        check(name)
    except InputError as error:
        raise ValueError(str(error)) from None


class ShiftRange(Settings):
    """One controlled shift, and its severities from 1 to 5."""

    name: Annotated[str, AfterValidator(_check_shift)]
    severities: Annotated[tuple[Literal[1, 2, 3, 4, 5], ...], Field(min_length=1)]


class AtlasCase(Settings):
    """An image with labels, which registration brings onto every case.

    ``subject`` is whose it is, and none of those of the cases; ``table`` is as that of a case.
    """

    image: Path
    labels: Path
    subject: str = Field(min_length=1)
    table: str = ""


class GeneralizationConfig(StudyConfig):
    """A study of how models fare in other domains, and what prompts make up for.

    ``sources`` are where prompts come from; ``oracle`` is the best of them, and ``baseline`` the
    one whose gap to the oracle the others close. ``in_domain`` names the domain in which models
    were trained. ``registration`` holds options of `regkit register` for the atlas.
    """

    sources: Annotated[
        tuple[Annotated[str, AfterValidator(_check_source)], ...], Field(min_length=1)
    ]
    in_domain: str
    oracle: str = "mask"
    baseline: str = "point"
    shifts: tuple[ShiftRange, ...] = ()
    atlas: AtlasCase | None = None
    registration: dict[str, Any] = Field(default_factory=lambda: {"preset": "fast"})

    @model_validator(mode="after")
    def _check_sources(self) -> Self:
        refuse_repeats("sources", self.sources)
        for role in ("oracle", "baseline"):
            name = getattr(self, role)
            if role in self.model_fields_set and name not in self.sources:
                hint = near(name, self.sources)
                raise ValueError(f"{role} is {name!r}, which is not among the sources{hint}")
        if ATLAS in self.sources and self.atlas is None:
            raise ValueError("the source atlas needs an atlas with image and labels")
        return self

    @model_validator(mode="after")
    def _check_domains(self) -> Self:
        domains = {case.domain for case in self.cases}
        if "" in domains:
            raise ValueError("every case needs a domain, such as T1")
        if self.in_domain not in domains:
            raise ValueError(f"in_domain is {self.in_domain!r}{near(self.in_domain, domains)}")
        refuse_repeats("shifts", (each.name for each in self.shifts))
        for each in self.shifts:
            refuse_repeats(f"severities of {each.name}", each.severities)
        return self

    @model_validator(mode="after")
    def _check_atlas(self) -> Self:
        if self.atlas is None:
            return self
        self.check_table_name(self.atlas.table, "the atlas")
        if self.atlas.subject in {case.owner for case in self.cases}:
            raise ValueError(
                f"the atlas is of {self.atlas.subject!r}, who is among the cases; leave them out, "
                "or give another atlas"
            )
        return self

    @property
    def atlas_values(self) -> Mapping[str, LabelValues]:
        """The values of each structure in the labels of the atlas."""
        return self.values_by(self.atlas.table if self.atlas else "")

    def variants(self) -> Iterator[tuple[str, int]]:
        """Every shift and severity, the image as it is first."""
        yield "none", 0
        for each in self.shifts:
            yield from ((each.name, severity) for severity in each.severities)
