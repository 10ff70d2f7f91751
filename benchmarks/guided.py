"""`python -m benchmarks.guided`: what labels and landmarks add that guide a registration.

Every second structure guides, and the others tell whether what lies between follows: Dice of what
guided says how well it was followed, Dice of what did not whether that does any good elsewhere.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import torch

import regkit as rk
from benchmarks.data import PairFiles, brain_pairs, chest_pairs
from benchmarks.machine import describe
from benchmarks.measure import THREADS
from benchmarks.register import machine_text
from benchmarks.table import Row, Table
from regkit.metrics import dice, landmark_error, summarise_dice
from regkit.volume import Points

_COLUMNS = {
    "pair": "",
    "guided by": "",
    "Dice, half that may guide": ".3f",
    "Dice, the other half": ".3f",
    "folding %": ".4f",
    "s": ".1f",
}
_MARKED = {
    "pair": "",
    "weight": "g",
    "error of guides, mean": ".2f",
    "largest": ".2f",
    "error of others, mean": ".2f",
    "Dice": ".3f",
    "folding %": ".4f",
    "s": ".1f",
}
_FEWEST = 200  # voxels of a structure whose centre is a landmark


def main() -> int:
    """Print one table."""
    print(machine_text(describe()), flush=True)
    rows = [row for pair in (*brain_pairs(), *chest_pairs()) for row in _rows(pair)]
    notes = ("Seconds of `rk.register` in a warm process, once each.",)
    print(f"\n{Table('Labels that guide', _COLUMNS, rows, notes).markdown()}", flush=True)
    rows = [row for pair in brain_pairs() for row in _landmark_rows(pair)]
    notes = ("Landmarks are centres of structures. Preset fast.",)
    print(f"\n{Table('Landmarks that guide', _MARKED, rows, notes).markdown()}", flush=True)
    return 0


def _rows(pair: PairFiles) -> list[Row]:
    fixed, moving = rk.read(pair.fixed), rk.read(pair.moving)
    labels = rk.read_labels(pair.fixed_labels), rk.read_labels(pair.moving_labels)
    common = sorted(set(labels[0].values) & set(labels[1].values))
    halves = common[::2], common[1::2]
    guides: dict[str, list[int]] = {"nothing": [], "half": halves[0], "all": common}
    rk.register(fixed, moving, threads=THREADS)  # compiles, and fills what is kept
    rows: list[Row] = []
    for name, values in guides.items():
        options: dict[str, Any] = {}
        if values:
            chosen = [_of(each, values) for each in labels]
            options = {"fixed_labels": chosen[0], "moving_labels": chosen[1], "dice": 1.0}
        begin = time.perf_counter()
        result = rk.register(fixed, moving, threads=THREADS, **options)
        seconds = time.perf_counter() - begin
        warped = rk.warp(labels[1], result.transform, onto=labels[0].grid)
        may, other = (
            summarise_dice(dice(_of(labels[0], half), _of(warped, half))).mean for half in halves
        )
        measured = (may, other, 100 * result.metrics["folding"], seconds)
        rows.append(dict(zip(_COLUMNS, (pair.name, name, *measured), strict=True)))
    return rows


def _landmark_rows(pair: PairFiles) -> list[Row]:
    fixed, moving = rk.read(pair.fixed), rk.read(pair.moving)
    labels = rk.read_labels(pair.fixed_labels), rk.read_labels(pair.moving_labels)
    centres = [_centres(each) for each in labels]
    common = sorted(set(centres[0]) & set(centres[1]))
    guides, others = (
        [Points(torch.stack([each[v] for v in half])) for each in centres]
        for half in (common[::2], common[1::2])
    )
    rows: list[Row] = []
    for weight in (0.0, 0.3, 1.0, 3.0):
        begin = time.perf_counter()
        result = rk.register(
            fixed, moving, preset="fast", threads=THREADS, landmark_weight=weight,
            fixed_landmarks=guides[0], moving_landmarks=guides[1],
        )  # fmt: skip
        seconds = time.perf_counter() - begin
        warped = rk.warp(labels[1], result.transform, onto=labels[0].grid)
        errors = [landmark_error(result.transform, *each) for each in (guides, others)]
        overlap = summarise_dice(dice(labels[0], warped)).mean
        measured = (
            weight, float(errors[0].mean()), float(errors[0].max()), float(errors[1].mean()),
            overlap, 100 * result.metrics["folding"], seconds,
        )  # fmt: skip
        rows.append(dict(zip(_MARKED, (pair.name, *measured), strict=True)))
    return rows


def _centres(labels: rk.Labels) -> dict[int, torch.Tensor]:
    """The centre of every structure in the world, of those that are not tiny."""
    index = {value: torch.argwhere(labels.data[0] == value) for value in labels.values}
    return {
        value: labels.grid.to_world(found.double().mean(0))
        for value, found in index.items()
        if value and len(found) >= _FEWEST
    }


def _of(labels: rk.Labels, values: list[int]) -> rk.Labels:
    """``labels`` with the structures ``values`` alone."""
    chosen = torch.isin(labels.data, torch.tensor(values))
    return labels.with_data(torch.where(chosen, labels.data, torch.zeros_like(labels.data)))


if __name__ == "__main__":
    sys.exit(main())
