"""Known rigid and affine displacements: how far off the linear engines end."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

import regkit as rk
from benchmarks.data import as_float, brain, brain_pairs, contrasts, points_in
from benchmarks.displacements import Bounds, displaced, random_affine
from benchmarks.measure import THREADS
from benchmarks.quality import distance
from benchmarks.session import Session, say
from benchmarks.table import Row, Table

FAILED_MM = 3.0
_SMALL = Bounds(degrees=30.0, shift=(0.0, 30.0), scale=0.1)
_LARGE = Bounds(degrees=60.0, shift=(50.0, 150.0), scale=0.1)
_COLUMNS = {
    "pair": "",
    "starts": "d",
    "before mm": ".1f",
    "mean mm": ".3f",
    "worst mm": ".3f",
    "worst point mm": ".3f",
    "failures": "d",
    "s each": ".1f",
}
_NOTE = (
    "Mean error over the brain, averaged over the starts; the worst start; the worst point of any "
    f"start. A failure is a mean error above {FAILED_MM:g} mm. The moving image was resampled on "
    "an oblique grid of 1.2x1.0x1.5 mm and its header moved; in-process, transform affine."
)


def affine_case(session: Session) -> list[Table]:
    """Twenty starts, to 30 degrees, 30 mm and 10 % scale."""
    rows = [_row(pair, _SMALL, 20) for pair in _pairs()]
    return [Table("Affine displacements to 30°, 30 mm, 10 %", _COLUMNS, rows, (_NOTE,))]


def large_case(session: Session) -> list[Table]:
    """Fifty starts, to 60 degrees, 50 to 150 mm apart and 10 % scale."""
    rows = [_row(pair, _LARGE, 50) for pair in _pairs()]
    return [Table("Large displacements: to 60°, 50 to 150 mm, 10 %", _COLUMNS, rows, (_NOTE,))]


@dataclass(frozen=True)
class _Pair:
    """Two images in one space."""

    name: str
    fixed: rk.Volume
    moving: rk.Volume


def _pairs() -> list[_Pair]:
    head = as_float(rk.read(brain_pairs()[0].fixed))
    images = contrasts()
    return [
        _Pair("T1 to itself (brain_t1 a)", head, head),
        _Pair("T2 to T1 (ms_multicontrast)", images["T1"], images["T2"]),
    ]


def _row(pair: _Pair, bounds: Bounds, count: int) -> Row:
    rng = np.random.default_rng(0)
    points = points_in(brain(pair.fixed))
    before, errors, seconds = [], [], []
    for start in range(count):
        truth = random_affine(rng, pair.fixed.grid.centre, bounds)
        moving = displaced(pair.moving, truth, rng)
        begin = time.perf_counter()
        found = rk.register(pair.fixed, moving, transform="affine", threads=THREADS)
        seconds.append(time.perf_counter() - begin)
        goal = rk.Affine(truth)
        before.append(float(distance(rk.Affine.identity(), goal, points).mean()))
        errors.append(distance(found.transform, goal, points))
        say(f"{pair.name} {start + 1}: {before[-1]:.1f} mm, then {float(errors[-1].mean()):.3f} mm")
    means = [float(error.mean()) for error in errors]
    return {
        "pair": pair.name,
        "starts": count,
        "before mm": float(np.mean(before)),
        "mean mm": float(np.mean(means)),
        "worst mm": max(means),
        "worst point mm": max(float(error.max()) for error in errors),
        "failures": sum(mean > FAILED_MM for mean in means),
        "s each": float(np.median(seconds)),
    }
