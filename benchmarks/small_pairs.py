"""`python -m benchmarks.small_pairs`: twenty pairs of 64 x 64 x 64 voxels in one process.

Two brains at 3.5 mm, both ways, each moved by a rotation and a translation of its own;
`regkit.register` by its default preset, one after the other, as in a notebook. The first pair is
told apart: it pays for imports and whatever is prepared once.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

import regkit as rk
from benchmarks.data import brain_pairs
from benchmarks.machine import describe
from benchmarks.register import machine_text
from benchmarks.table import Table
from regkit.resample import antialias, resample

_SPACING = 3.5  # mm
_VOXELS = 64


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.small_pairs", description=__doc__)
    parser.add_argument("--pairs", type=int, default=20, metavar="N")
    wanted = parser.parse_args()
    print(machine_text(describe()), flush=True)
    pairs = [_pair(seed) for seed in range(wanted.pairs)]
    clocks = [_timed(*pair) for pair in pairs]
    rows = [
        {"pairs": "the first", "seconds": clocks[0][0], "CPU s": clocks[0][1]},
        {"pairs": "each after it", **_mean(clocks[1:])},
        {"pairs": f"all {len(pairs)}", **{k: v * len(pairs) for k, v in _mean(clocks).items()}},
    ]
    columns = {"pairs": "", "seconds": ".2f", "CPU s": ".2f"}
    print(f"\n{Table('Small pairs in one process', columns, rows, ()).markdown()}")


def _pair(seed: int) -> tuple[rk.Volume, rk.Volume]:
    files = brain_pairs()[seed % 2]
    draw = np.random.default_rng(seed)
    fixed, moving = (_cube(rk.read(path), draw) for path in (files.fixed, files.moving))
    return fixed, moving


def _cube(image: rk.Volume, draw: np.random.Generator) -> rk.Volume:
    """``image`` on a grid of 64 voxels a side, turned by some degrees about its centre."""
    turn, _ = np.linalg.qr(np.eye(3) + 0.08 * draw.normal(size=(3, 3)))
    turn *= np.sign(np.diag(turn))
    matrix = np.eye(4)
    matrix[:3, :3] = turn * _SPACING
    middle = image.grid.affine[:3, :3] @ ((np.array(image.grid.shape) - 1) / 2)
    middle = middle + image.grid.affine[:3, 3] + draw.uniform(-8, 8, 3)
    matrix[:3, 3] = middle - matrix[:3, :3] @ np.full(3, (_VOXELS - 1) / 2)
    grid = rk.Grid((_VOXELS,) * 3, matrix)
    return resample(antialias(image, grid), grid)


def _timed(fixed: rk.Volume, moving: rk.Volume) -> tuple[float, float]:
    torch.manual_seed(0)
    wall, processor = time.perf_counter(), time.process_time()
    rk.register(fixed, moving)
    return time.perf_counter() - wall, time.process_time() - processor


def _mean(clocks: list[tuple[float, float]]) -> dict[str, float]:
    wall, processor = np.mean(clocks, 0)
    return {"seconds": float(wall), "CPU s": float(processor)}


if __name__ == "__main__":
    main()
