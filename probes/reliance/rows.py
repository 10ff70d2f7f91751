"""Rows: the long tables of a study, as files and back."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from regkit.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

DONE, REFUSED, ERROR = "done", "refused", "error"


@dataclass(frozen=True)
class SkillRow:
    """The skill of one model at one level of one suppressor; ``none`` is the plain images.

    Parameters
    ----------
    data, model
        Their names.
    suppressor, cue, level, strength, unit
        What was done to the images.
    draws, images, left_out, subjects
        How often it was drawn, on how many images of how many subjects; and how many images of the
        data set are left out, as most of each has no data.
    skill, skill_low, skill_high
        In units of the metric, with its interval.
    relative, relative_low, relative_high
        What is left of the skill above chance, as a share.
    status, message
        ``done``; ``refused`` where the images do not suit the suppressor; ``error`` where the model
        failed; and why.
    """

    data: str
    model: str
    suppressor: str
    cue: str
    level: int
    strength: float
    unit: str
    draws: int
    images: int
    left_out: int
    subjects: int
    skill: float | None = None
    skill_low: float | None = None
    skill_high: float | None = None
    relative: float | None = None
    relative_low: float | None = None
    relative_high: float | None = None
    status: str = DONE
    message: str = ""


@dataclass(frozen=True)
class IndexRow:
    """How much a model relies on what a suppressor removes.

    Parameters
    ----------
    data, model
        Their names.
    suppressor, cue
        Its name and what it removes.
    index, low, high
        One minus the mean relative skill over levels, with its interval.
    """

    data: str
    model: str
    suppressor: str
    cue: str
    index: float
    low: float
    high: float


@dataclass(frozen=True)
class ContrastRow:
    """The difference of two indices.

    Parameters
    ----------
    suppressor
        Whose.
    first, second
        Model and data, joined by the word "on".
    difference, low, high
        The first index minus the second one, with its interval.
    paired
        Whether both were asked about the same images.
    """

    suppressor: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    paired: bool


@dataclass(frozen=True)
class AuditRow:
    """What a suppressor leaves of every cue of a data set at one level.

    Parameters
    ----------
    data, suppressor, cue, level, strength, unit
        What was measured.
    shape, texture, colour, intensity
        What is left of each, by the measures by which levels are matched.
    local_variance, high_frequency, gradient_correlation, edge_agreement
        Other measures, as :class:`~probes.reliance.retention.Retention` has them.
    spectral_angle, band_correlation
        Likewise.
    asked
        The share of its own cue that levels were to leave; empty where none was asked for.
    """

    data: str
    suppressor: str
    cue: str
    level: int
    strength: float
    unit: str
    shape: float
    texture: float
    colour: float | None
    intensity: float
    local_variance: float
    high_frequency: float
    gradient_correlation: float
    edge_agreement: float
    spectral_angle: float | None
    band_correlation: float | None
    asked: float | None


AnyRow = TypeVar("AnyRow", bound="DataclassInstance")


def write_rows(kind: type[AnyRow], rows: Iterable[AnyRow], path: Path) -> None:
    """Write a table; numbers have all their digits, what is not known is empty.

    Parameters
    ----------
    kind
        Of the rows, whose fields are the columns.
    rows
        In order.
    path
        A CSV file.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [each.name for each in fields(kind)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read_rows(kind: type[AnyRow], path: Path) -> list[AnyRow]:
    """Read a table that :func:`write_rows` wrote.

    Parameters
    ----------
    kind
        Of the rows.
    path
        A CSV file.

    Raises
    ------
    InputError
        If it is another table.
    """
    hints = get_type_hints(kind)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [
                kind(**{name: _value(text, hints[name]) for name, text in row.items()})
                for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path.name}: is no table of `regkit reliance run`") from error


def _value(text: str, hint: Any) -> Any:
    if isinstance(hint, UnionType):
        return None if text == "" else get_args(hint)[0](text)
    return text == "True" if hint is bool else hint(text)
