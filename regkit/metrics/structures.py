"""Score how well each labelled structure overlaps before and after a registration."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from regkit.errors import InputError
from regkit.metrics.overlap import dice
from regkit.metrics.surface import SurfaceDistance, surface_distances
from regkit.metrics.surface_overlap import surface_dice
from regkit.volume.volume import Labels

_COLUMNS = (
    "label", "dice_before", "dice", "surface_mean", "surface_hd95", "surface_max", "unit",
    "surface_dice", "name",
)  # fmt: skip


@dataclass(frozen=True)
class StructureScore:
    """The overlap of one structure of two label maps, before and after registration.

    Parameters
    ----------
    label
        Its value in both maps.
    dice_before, dice
        Overlap before and after registration, 0..1.
    surface
        Distances after registration, in world units; None where a map lacks the structure.
    surface_dice
        The share of both surfaces that agrees, 0..1; None where it was not asked for.
    name
        What the structure is called; empty where neither map says.
    """

    label: int
    dice_before: float
    dice: float
    surface: SurfaceDistance | None
    surface_dice: float | None = None
    name: str = ""


def score_structures(
    fixed: Labels, before: Labels, after: Labels, *, tolerance: float | None = None
) -> list[StructureScore]:
    """Compare every structure of ``fixed`` with another map, before and after registration.

    Parameters
    ----------
    fixed
        The map that belongs to the fixed image.
    before, after
        The map of the moving image on the grid of ``fixed``, through the initial transform and
        through the one that was found.
    tolerance
        Of the surface Dice, in world units; None leaves it out.

    Returns
    -------
    list
        One score a structure that occurs in ``fixed`` or ``after``, by its value; background (0)
        is left out.

    Raises
    ------
    InputError
        If the grids differ, or there is no structure.

    Examples
    --------
    >>> import numpy as np
    >>> one = Labels(np.array([[1, 1], [2, 0]]), np.eye(3))
    >>> two = Labels(np.array([[1, 0], [2, 2]]), np.eye(3))
    >>> [score.dice for score in score_structures(one, two, one)]
    [1.0, 1.0]
    """
    scores = dice(fixed, after)
    if not scores:
        raise InputError("Dice: no structure occurs in the two label maps; check the label values")
    earlier, apart = dice(fixed, before, list(scores)), surface_distances(fixed, after)
    near = {} if tolerance is None else surface_dice(fixed, after, tolerance, list(scores))
    names = {**after.names, **fixed.names}
    return [
        StructureScore(
            label,
            _or_zero(earlier[label]),
            score,
            apart.get(label),
            near.get(label),
            names.get(label, ""),
        )
        for label, score in scores.items()
    ]


def worst_structure(scores: Sequence[StructureScore]) -> StructureScore:
    """Return the score of the structure that overlaps least after registration."""
    return min(scores, key=lambda score: score.dice)


def structures_csv(scores: Sequence[StructureScore], unit: str) -> str:
    """Write a table with one line a structure; a distance that is not known is left empty.

    Parameters
    ----------
    scores
        Of the structures.
    unit
        That of the distances.

    Examples
    --------
    >>> print(structures_csv([StructureScore(3, 0.5, 0.75, None)], "mm"), end="")
    label,dice_before,dice,surface_mean,surface_hd95,surface_max,unit,surface_dice,name
    3,0.5,0.75,,,,mm,,
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(_line(score, unit) for score in scores)
    return out.getvalue()


def read_structures(text: str) -> list[StructureScore]:
    """Read the table that :func:`structures_csv` wrote.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> read_structures(structures_csv([StructureScore(3, 0.5, 0.75, None)], "mm"))[0].dice
    0.75
    """
    try:
        return [_score(row) for row in csv.DictReader(io.StringIO(text))]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"this is no table of structures ({error!r:.60})") from error


def _score(row: dict[str, str]) -> StructureScore:
    lengths = [row[f"surface_{name}"] for name in ("mean", "hd95", "max")]
    surface = SurfaceDistance(*map(float, lengths)) if all(lengths) else None
    near = float(row["surface_dice"]) if row["surface_dice"] else None
    before, after = float(row["dice_before"]), float(row["dice"])
    return StructureScore(int(row["label"]), before, after, surface, near, row["name"])


def _line(score: StructureScore, unit: str) -> list[str]:
    apart = score.surface
    lengths = [""] * 3 if apart is None else [apart.mean, apart.hd95, apart.maximum]
    values = [score.dice_before, score.dice, *lengths]
    numbers = [value if isinstance(value, str) else f"{value:.9g}" for value in values]
    near = "" if score.surface_dice is None else f"{score.surface_dice:.9g}"
    return [str(score.label), *numbers, unit, near, score.name]


def _or_zero(value: float) -> float:
    """Return 0 for a structure that both maps lack before registration: nothing overlaps."""
    return 0.0 if math.isnan(value) else value
