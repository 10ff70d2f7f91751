"""Measure the Dice overlap of label maps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.volume.volume import Labels

# Beyond this span of label values, a table with one entry a value costs more than a sort.
_WIDEST_TABLE = 1 << 22


@dataclass(frozen=True)
class DiceSummary:
    """A summary of Dice over structures: mean, worst, 5th percentile, and how many count.

    ``worst_label`` is the structure that overlaps least.
    """

    mean: float
    worst: float
    worst_label: int
    p5: float
    count: int


def dice(a: Labels, b: Labels, values: Sequence[int] | None = None) -> dict[int, float]:
    """Return the overlap ``2 |A and B| / (|A| + |B|)`` of each structure (Dice, Ecology 1945).

    Parameters
    ----------
    a, b
        Label maps on one grid; voxels without data in either count for nothing.
    values
        The structures; by default all that occur in either map, background (0) left out.

    Returns
    -------
    dict
        Structure to Dice in 0..1; NaN for a structure that occurs in neither map.

    Raises
    ------
    InputError
        If the grids differ.

    Examples
    --------
    >>> import torch
    >>> from regkit.geometry.grid import Grid
    >>> grid = Grid((2, 2), np.eye(3))
    >>> one = Labels(torch.tensor([[1, 1], [2, 0]]), grid)
    >>> two = Labels(torch.tensor([[1, 0], [2, 2]]), grid)
    >>> {label: round(score, 3) for label, score in dice(one, two).items()}
    {1: 0.667, 2: 0.667}
    """
    _check_same_grid(a, b)
    labels, of_a, of_b, of_both = _counts(*_known(a, b))
    scores = {
        int(label): 2 * int(both) / (int(in_a) + int(in_b))
        for label, in_a, in_b, both in zip(labels, of_a, of_b, of_both, strict=True)
    }
    wanted = [label for label in scores if label != 0] if values is None else values
    return {int(label): scores.get(int(label), math.nan) for label in wanted}


def summarise_dice(scores: Mapping[int, float]) -> DiceSummary:
    """Return mean, worst and 5th percentile of what :func:`dice` returned; NaNs are left out.

    Raises
    ------
    InputError
        If no structure has a score.

    Examples
    --------
    >>> summarise_dice({1: 0.5, 2: 1.0, 3: float("nan")}).mean
    0.75
    """
    known = {label: score for label, score in scores.items() if not math.isnan(score)}
    if not known:
        raise InputError("Dice: no structure occurs in the two label maps; check the label values")
    worst = min(known, key=lambda label: known[label])
    array = np.array(list(known.values()))
    p5 = float(np.percentile(array, 5))
    return DiceSummary(float(array.mean()), known[worst], worst, p5, len(known))


def dice_metrics(scores: Mapping[int, float]) -> dict[str, float]:
    """Return the mean and the worst of what :func:`dice` returned, as metrics of a result.

    Examples
    --------
    >>> dice_metrics({1: 0.5, 2: 1.0})
    {'dice_mean': 0.75, 'dice_worst': 0.5}
    """
    found = summarise_dice(scores)
    return {"dice_mean": found.mean, "dice_worst": found.worst}


def _counts(a: NDArray[np.int64], b: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Count how many voxels each label has in a, in b, and in both at once; labels come first."""
    if a.size == 0:
        return tuple(np.zeros(0, np.int64) for _ in range(4))
    low, high = int(min(a.min(), b.min())), int(max(a.max(), b.max()))
    if high - low < _WIDEST_TABLE:
        names = np.arange(low, high + 1)
        a, b = a - low, b - low
    else:
        names, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
        a, b = codes[: a.size], codes[a.size :]
    tables = [np.bincount(x, minlength=len(names)) for x in (a, b, a[a == b])]
    seen = tables[0] + tables[1] > 0
    return names[seen], *(table[seen] for table in tables)


def _known(a: Labels, b: Labels) -> list[NDArray[np.int64]]:
    """Return the voxels of both where both have data."""
    flat = [each.data.cpu().numpy().ravel().astype(np.int64) for each in (a, b)]
    valid = [each.valid.cpu().numpy().ravel() for each in (a, b) if each.valid is not None]
    if not valid:
        return flat
    known = np.logical_and.reduce(valid)
    return [each[known] for each in flat]


def _check_same_grid(a: Labels, b: Labels) -> None:
    # Headers keep float32, so two grids that are one differ by that rounding.
    close = a.grid.shape == b.grid.shape and np.allclose(
        a.grid.affine, b.grid.affine, rtol=1e-5, atol=1e-3 * min(a.grid.spacing)
    )
    if not close:
        raise InputError(
            f"{b.name or 'labels'}: lies on {b.grid!r}, not on {a.grid!r} of "
            f"{a.name or 'the other labels'}, {b.grid.apart(a.grid)}; resample one onto the "
            "other's grid first"
        )
