"""Scores that others have published, in the layout of "On The Robustness of Foundational 3D Medical
Image Segmentation Models Against Imprecise Visual Prompts" (2026).

Its repository has two layouts. One is a file for each condition, such as
``dilate_radius=3.json``, that maps a case to the Dice of each label and their mean. The other is a
file that maps an organ to conditions and these to lists, in which nothing says whose a score is:
such scores have means, but cannot be paired.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from foundation.studies.cells import DONE, StudyCell
from regkit.errors import InputError

_RADIUS = re.compile(r"^(?P<name>[\w-]+?)(?:_radius=(?P<radius>\d+))?$")
_MEAN = "mean_dice"
_NOTHING, _NONE = "no-aug", "none"


@dataclass(frozen=True)
class ReleasedScore:
    """One Dice: of which condition, structure and, where that is known, case."""

    perturbation: str
    radius: int
    label: str
    case: str | None
    dice: float


def read_released(path: str | Path) -> list[ReleasedScore]:
    """Read a published file, or all of a folder.

    Parameters
    ----------
    path
        A JSON file of either layout, or a folder of them.

    Raises
    ------
    InputError
        If a file is of neither layout, or nothing is there.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp(), "dilate_radius=2.json")
    >>> _ = place.write_text('{"0001.npz": {"6": 0.9, "mean_dice": 0.9}}')
    >>> read_released(place)
    [ReleasedScore(perturbation='dilate', radius=2, label='6', case='0001.npz', dice=0.9)]
    """
    place = Path(path)
    if not place.exists():
        raise InputError(f"{place.name}: not found; check the path")
    files = sorted(place.glob("*.json")) if place.is_dir() else [place]
    if not files:
        raise InputError(f"{place.name}: holds no .json file; give the folder of the scores")
    return [score for file in files for score in _scores(file)]


def mean_dice(scores: list[ReleasedScore]) -> dict[tuple[str, int], float]:
    """Average Dice over each condition, as the paper does.

    Where cases are known it is the mean over cases of the mean over structures, otherwise the mean
    over structures of the mean over scores.

    Parameters
    ----------
    scores
        What :func:`read_released` returned.

    Returns
    -------
    dict
        Perturbation and radius to a mean.
    """
    conditions: dict[tuple[str, int], dict[str, list[float]]] = {}
    for each in scores:
        groups = conditions.setdefault((each.perturbation, each.radius), {})
        groups.setdefault(each.case or each.label, []).append(each.dice)
    return {
        condition: fmean(fmean(values) for values in groups.values())
        for condition, groups in conditions.items()
    }


def released_cells(scores: list[ReleasedScore], model: str) -> list[StudyCell]:
    """Make cells of published scores, for the statistics of a study.

    Parameters
    ----------
    scores
        What :func:`read_released` returned.
    model
        Whose they are.

    Raises
    ------
    InputError
        If a score has no case: a paired comparison would pair what does not belong together.
    """
    return [_cell(each, model) for each in scores]


def _cell(score: ReleasedScore, model: str) -> StudyCell:
    if score.case is None:
        raise InputError(
            f"{model}: the scores of {score.label!r} do not say of which case they are, so nothing "
            "can be paired; use their means, or scores that name the case"
        )
    return StudyCell(
        study="", model=model, weights="", case=score.case, subject=score.case, domain="",
        label=score.label, prompt="mask", perturbation=score.perturbation,
        magnitude=float(score.radius), unit="" if score.perturbation == _NONE else "voxels",
        seed=0, status=DONE, dice=score.dice,
    )  # fmt: skip


def _scores(file: Path) -> Iterator[ReleasedScore]:
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file.name}: cannot be read as JSON: {error}") from error
    if not isinstance(given, dict) or not all(isinstance(v, dict) for v in given.values()):
        raise _unknown(file)
    if any(_MEAN in scores for scores in given.values()):
        yield from _of_cases(file, given)
    else:
        yield from _of_organs(file, given)


def _of_cases(file: Path, given: Mapping[str, Mapping[str, Any]]) -> Iterator[ReleasedScore]:
    found = _RADIUS.match(file.stem)
    if found is None:
        raise _unknown(file)
    name, radius = _condition(found["name"]), int(found["radius"] or 0)
    for case, labels in given.items():
        for label, value in labels.items():
            if label != _MEAN and value == value:  # NaN: the structure is not there
                yield ReleasedScore(name, radius, label, case, _number(file, value))


def _of_organs(file: Path, given: Mapping[str, Mapping[str, Any]]) -> Iterator[ReleasedScore]:
    for organ, conditions in given.items():
        for name, values in conditions.items():
            by_radius = values if isinstance(values, dict) else {"0": values}
            for radius, scores in by_radius.items():
                if not isinstance(scores, list) or not radius.isdigit():
                    raise _unknown(file)
                for value in (each for each in scores if each == each):
                    yield ReleasedScore(
                        _condition(name), int(radius), organ, None, _number(file, value)
                    )


def _condition(name: str) -> str:
    return _NONE if name == _NOTHING else name


def _number(file: Path, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(f"{file.name}: {value!r:.40} is no Dice; allowed: a number from 0 to 1")
    return float(value)


def _unknown(file: Path) -> InputError:
    return InputError(
        f"{file.name}: is no file of scores; allowed: cases with the Dice of their labels, named "
        "like dilate_radius=3.json, or organs with lists of Dice"
    )
