"""Outliers: how far a value lies from those of its cohort, in robust standard deviations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CohortNumbers = NDArray[np.float64]
_FEWEST = 4  # of fewer none is odd
_MAD, _MEAN_AD = 1.4826, 1.2533  # of a normal distribution, over its standard deviation
_MOST = 99.0


@dataclass(frozen=True)
class CohortOutliers:
    """How one measure of the pairs of a cohort is compared.

    Parameters
    ----------
    side
        1 if large values are suspicious, -1 if small ones are, 0 if both are.
    least
        A difference that means nothing, in the unit of the measure: the spread counts as no less,
        or rounding errors would be odd among values that are all the same.
    """

    side: int = 0
    least: float = 0.0


@dataclass(frozen=True)
class Outliers:
    """How odd each pair is.

    Parameters
    ----------
    z
        Robust z of every pair by the name of what was measured; NaN where it was not.
    score
        The largest of them on the suspicious side, 0 where none is.
    by
        What that was measured; empty where nothing was.
    """

    z: Mapping[str, CohortNumbers]
    score: CohortNumbers
    by: tuple[str, ...]


def find_outliers(
    values: Mapping[str, CohortNumbers],
    compared: Mapping[str, CohortOutliers],
    groups: Sequence[str],
) -> Outliers:
    """Compare every pair with the others of its group.

    Parameters
    ----------
    values
        One number a pair, by name; NaN where there is none.
    compared
        How, by the same names.
    groups
        Of every pair.
    """
    count = len(groups)
    z = {
        name: _by_group(values[name], groups, how.least)
        for name, how in compared.items()
        if name in values
    }
    odd = {name: _suspicious(each, compared[name].side) for name, each in z.items()}
    stacked = np.stack(list(odd.values())) if odd else np.zeros((1, count))
    score = stacked.max(axis=0, initial=0.0)
    names = list(odd)
    by = tuple(
        names[int(stacked[:, n].argmax())] if names and score[n] > 0 else "" for n in range(count)
    )
    return Outliers(z, score, by)


def robust_z(values: CohortNumbers, least: float = 0.0) -> CohortNumbers:
    """Distance from the median over 1.4826 times the median absolute deviation.

    Where more than half of the values are the same, the mean absolute deviation stands in for it;
    where all are, nothing is odd. Fewer than four say nothing. The spread counts as no less than
    ``least``.

    Examples
    --------
    >>> robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0])).round(1)
    array([-1.3, -0.7,  0. ,  0.7, 65.4])
    """
    known = np.isfinite(values)
    out = np.where(known, 0.0, np.nan)
    if known.sum() < _FEWEST:
        return out
    away = values[known] - np.median(values[known])
    scale = _MAD * np.median(np.abs(away)) or _MEAN_AD * np.abs(away).mean()
    if scale > 0:
        out[known] = np.clip(away / max(scale, least), -_MOST, _MOST)
    return out


def distances(shapes: Sequence[Sequence[float]], groups: Sequence[str]) -> CohortNumbers:
    """Distance of every pair's shape from the median of its group; NaN where it has none."""
    out = np.full(len(shapes), np.nan)
    kinds = [f"{group}/{len(shape)}" for group, shape in zip(groups, shapes, strict=True)]
    for kind in set(kinds):
        members = [n for n, each in enumerate(kinds) if each == kind and len(shapes[n])]
        if members:
            found = np.array([shapes[n] for n in members], float)
            out[members] = np.linalg.norm(found - np.median(found, axis=0), axis=1)
    return out


def _by_group(values: CohortNumbers, groups: Sequence[str], least: float) -> CohortNumbers:
    out, named = np.full(len(values), np.nan), np.asarray(groups)
    for group in set(groups):
        out[named == group] = robust_z(values[named == group], least)
    return out


def _suspicious(z: CohortNumbers, side: int) -> CohortNumbers:
    return np.nan_to_num(np.abs(z) if side == 0 else side * z)
