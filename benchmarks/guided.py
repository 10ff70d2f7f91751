"""`python -m benchmarks.guided`: what labels add that guide a registration.

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
from regkit.metrics import dice, summarise_dice

_COLUMNS = {
    "pair": "",
    "guided by": "",
    "Dice, half that may guide": ".3f",
    "Dice, the other half": ".3f",
    "folding %": ".4f",
    "s": ".1f",
}


def main() -> int:
    """Print one table."""
    print(machine_text(describe()), flush=True)
    rows = [row for pair in (*brain_pairs(), *chest_pairs()) for row in _rows(pair)]
    notes = ("Seconds of `rk.register` in a warm process, once each.",)
    print(f"\n{Table('Labels that guide', _COLUMNS, rows, notes).markdown()}", flush=True)
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


def _of(labels: rk.Labels, values: list[int]) -> rk.Labels:
    """``labels`` with the structures ``values`` alone."""
    chosen = torch.isin(labels.data, torch.tensor(values))
    return labels.with_data(torch.where(chosen, labels.data, torch.zeros_like(labels.data)))


if __name__ == "__main__":
    sys.exit(main())
