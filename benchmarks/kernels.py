"""`python -m benchmarks.kernels`: what an iteration of the field engine costs, and its floor.

The floor of a kernel is what this machine needs to move the bytes that must be moved once, at the
speed of a plain copy, or to do the additions and multiplications that the method asks for, at the
speed of a product of matrices, whichever takes longer.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.measure import THREADS
from benchmarks.table import Row, Table
from regkit.kernels.backend import set_threads
from regkit.kernels.fields import compose_fields
from regkit.kernels.heap import reuse_memory
from regkit.kernels.momentum import momentum_step
from regkit.kernels.smoothing import gaussian
from regkit.kernels.warping import displacement_gradient, warp_index
from regkit.kernels.windows import lncc_gradient

_SHAPE = (176, 208, 192)  # the working grid of brain_t1
_RADIUS, _STRIDE = 4, 3
_TURNS = 30
_COLUMNS = {
    "kernel": "",
    "MB": ".0f",
    "Mflop": ".0f",
    "floor ms": ".1f",
    "measured ms": ".1f",
    "measured / floor": ".1f",
}


@dataclass(frozen=True)
class Work:
    """One kernel: how to run it, the bytes it must move, the operations it must do."""

    name: str
    run: Callable[[], object]
    size: float
    operations: float


def main() -> int:
    """Print the table."""
    set_threads(THREADS)
    reuse_memory()  # as every registration does
    speed, rate = copy_speed(), arithmetic_rate()
    rows = [_row(work, speed, rate) for work in works()]
    rows.append(_total(rows))
    notes = (
        f"Grid {'x'.join(map(str, _SHAPE))}, a third of it inside the region, the field at half "
        f"the resolution, LNCC radius {_RADIUS}, windows {_STRIDE} voxels apart; {THREADS} "
        f"threads; shortest of {_TURNS} turns. A copy moves {speed / 1e9:.0f} GB/s here, a product "
        f"of matrices does {rate / 1e9:.0f} Gflop/s.",
    )
    print(Table("One full-resolution iteration", _COLUMNS, rows, notes).markdown())
    return 0


def works() -> list[Work]:
    """The kernels of one iteration, on smooth noise."""
    generator = torch.Generator().manual_seed(0)
    half = tuple(n // 2 for n in _SHAPE)
    fixed, moving = (gaussian(torch.rand(1, *_SHAPE, generator=generator), 2.0) for _ in "fm")
    known = _ball()
    pull = fixed * known
    u, v = (10 * gaussian(torch.randn(3, *half, generator=generator), 3.0) for _ in "uv")
    weight, room = torch.ones(half), torch.empty_like(u)
    m = np.eye(4) + 0.01 * np.arange(16).reshape(4, 4) / 16
    m[3] = [0, 0, 0, 1]
    whole, inside = 4.0 * math.prod(_SHAPE), float(known.sum())
    field, cells = 4.0 * u.numel(), math.prod(half)
    window = 2 * _RADIUS + 1
    return [
        Work(
            "warp",
            lambda: warp_index(moving, m, u, known),
            3 * whole + 4 * inside + field,
            45 * inside,
        ),
        Work(
            "LNCC, value and gradient",
            lambda: lncc_gradient(
                fixed[0], moving[0], known, _RADIUS, squared=True, stride=_STRIDE
            ),
            3 * whole + 4 * inside,
            # Six moments and three coefficients, summed along an axis of all voxels, then one of
            # the windows' rows, then one of the windows; products and algebra.
            (9 * window / _STRIDE * (1 + 1 / _STRIDE + 1 / _STRIDE**2) + 14 + 60 / _STRIDE**3)
            * inside,
        ),
        Work(
            "force onto the field's grid",
            lambda: displacement_gradient(moving, known, pull, half),
            3 * whole + field,
            25 * inside,
        ),
        Work("smooth the force", lambda: gaussian(u, 0.85, zero=True), 2 * field, 42 * cells),
        Work(
            "advance",
            lambda: momentum_step(v, u, weight, step=0.5, momentum=0.6),
            3 * field,
            25 * cells,
        ),
        Work("compose", lambda: compose_fields(u, v, out=room), 3 * field, 75 * cells),
        Work("smooth the field", lambda: gaussian(u, 0.45, zero=True), 2 * field, 30 * cells),
    ]


def _ball() -> Tensor:
    axes = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in _SHAPE), indexing="ij")
    return (torch.stack(axes).square().sum(0) < 0.75).float()


def _row(work: Work, speed: float, rate: float) -> Row:
    floor = 1e3 * max(work.size / speed, work.operations / rate)
    taken = 1e3 * shortest(work.run)
    return {
        "kernel": work.name,
        "MB": work.size / 1e6,
        "Mflop": work.operations / 1e6,
        "floor ms": floor,
        "measured ms": taken,
        "measured / floor": taken / floor,
    }


def _total(rows: list[Row]) -> Row:
    columns = ("MB", "Mflop", "floor ms", "measured ms")
    sums = {column: float(sum(row[column] for row in rows)) for column in columns}
    return {"kernel": "all", **sums, "measured / floor": sums["measured ms"] / sums["floor ms"]}


def shortest(run: Callable[[], object]) -> float:
    """Seconds of the fastest of some turns, after one that warms up."""
    run()
    times = []
    for _ in range(_TURNS):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)


def copy_speed() -> float:
    """Bytes read and written per second by a copy far larger than the caches."""
    source = torch.ones(64_000_000)
    target = torch.empty_like(source)
    return 2 * 4 * source.numel() / shortest(lambda: target.copy_(source))


def arithmetic_rate() -> float:
    """Operations per second of a product of matrices that stay in the second cache."""
    side = 256
    a, b, out = torch.ones(64, side, side), torch.ones(64, side, side), torch.empty(64, side, side)
    return 2 * 64 * side**3 / shortest(lambda: torch.bmm(a, b, out=out))


if __name__ == "__main__":
    sys.exit(main())
