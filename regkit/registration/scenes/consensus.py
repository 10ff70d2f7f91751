"""Which tie points to believe: those that agree on one affine, and with their neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.stats import binom

from regkit.registration.scenes.ties import TiePoints
from regkit.registration.scenes.windows import Floats

_TRIALS = 500
_NEIGHBOURS = 8
_SHARED = 4  # windows that overlap by half see the same pixels: a fourth of them is independent
_CHANCE = 1e-4
_SURE = float(np.log(1e-6))


def affine_consensus(ties: TiePoints, tolerance: float, seed: int) -> NDArray[np.bool_]:
    """Find the largest set of good tie points that one affine explains.

    Random samples (RANSAC, Fischler and Bolles 1981), each refitted to those that it explains; of
    fewer than six points the median decides.

    Parameters
    ----------
    ties
        What was matched.
    tolerance
        In pixels: how far a point may be off.
    seed
        Of the samples.

    Returns
    -------
    NDArray
        ``(N)``, True where a point belongs to it.
    """
    good = np.flatnonzero(ties.good)
    out = np.zeros(len(ties), bool)
    if len(good) == 0:
        return out
    x, u = ties.index[good], ties.shift[good]
    inside = np.linalg.norm(u - np.median(u, axis=0), axis=1) <= tolerance
    rng = np.random.default_rng(seed)
    for trial in range(_TRIALS if len(good) >= 6 else 0):
        if trial * np.log1p(-(min(float(inside.mean()), 0.999) ** 3)) < _SURE:
            break  # so many samples hold three of the largest set nearly surely
        some = rng.choice(len(good), 3, replace=False)
        for _ in range(3):
            now = _off(x, u, some) <= tolerance
            if now.sum() <= len(some) and now.sum() < 4:
                break
            some = np.flatnonzero(now)
        if now.sum() > inside.sum():
            inside = now
    out[good] = inside
    return out


def neighbour_consensus(ties: TiePoints, least: float) -> NDArray[np.bool_]:
    """Find the good tie points whose shift is near the median of those around them.

    Parameters
    ----------
    ties
        What was matched.
    least
        In pixels: less is never too far.

    Returns
    -------
    NDArray
        ``(N)``.
    """
    good = np.flatnonzero(ties.good)
    out = np.zeros(len(ties), bool)
    if len(good) <= _NEIGHBOURS:
        out[good] = True
        return out
    x, u = ties.index[good], ties.shift[good]
    _, near = cKDTree(x).query(x, k=_NEIGHBOURS + 1)
    away = np.linalg.norm(u - np.median(u[near[:, 1:]], axis=1), axis=1)
    out[good] = away <= max(least, 3 * 1.4826 * float(np.median(away)))
    return out


def is_by_chance(ties: TiePoints, good: NDArray[np.bool_], tolerance: float, reach: int) -> bool:
    """Tell whether so many windows would agree as well if none matched.

    A window that matches nothing has its peak anywhere within ``reach``.

    Parameters
    ----------
    ties
        All windows.
    good
        ``(N)``: those that agree.
    tolerance, reach
        In pixels: how near they agree, and how far a match was looked for.
    """
    share = np.pi * tolerance**2 / (2 * reach + 1) ** 2
    windows, agreed = len(ties) / _SHARED, int(good.sum()) / _SHARED
    return bool(binom.sf(np.floor(agreed) - 1, int(np.ceil(windows)), min(share, 1)) > _CHANCE)


def _off(x: Floats, u: Floats, some: NDArray[np.int64]) -> Floats:
    """How far each shift is off the affine of some of them."""
    design = np.column_stack([x - x[some].mean(0), np.ones(len(x))])
    solved = np.linalg.lstsq(design[some], u[some], rcond=None)[0]
    off: Floats = np.linalg.norm(design @ solved - u, axis=1)
    return off
