"""`python -m benchmarks.atlas`: what it saves to prepare an image that is registered many times.

Two brains, b to a, by turns with neither image prepared, with fixed, and with both. CPU time tells
most: it is that of this process alone, whatever else the machine does.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import regkit as rk
from benchmarks.data import brain_pairs
from benchmarks.machine import describe
from benchmarks.measure import THREADS
from benchmarks.register import machine_text
from benchmarks.table import Row, Table

_WAYS = ("neither", "fixed", "both")
_WHAT: dict[str, dict[str, Any]] = {
    "rigid": {"transform": "rigid"},
    "affine": {"transform": "affine"},
    "fast": {"preset": "fast"},
    "default": {},
}
_COLUMNS = {
    "registration": "",
    **{f"CPU s, {way} prepared": ".2f" for way in _WAYS},
    **{f"{way} saves %": ".1f" for way in _WAYS[1:]},
    **{f"wall s, {way} prepared": ".2f" for way in _WAYS},
}


def main() -> int:
    """Print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.atlas", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of each, by turns")
    parser.add_argument("--only", nargs="+", choices=list(_WHAT), default=list(_WHAT))
    asked = parser.parse_args()
    print(machine_text(describe()), flush=True)
    rows = [_row(name, asked.runs) for name in asked.only]
    notes = (f"Medians of {asked.runs} by turns, on {THREADS} threads of a warm process.",)
    print(f"\n{Table('One atlas, prepared once', _COLUMNS, rows, notes).markdown()}", flush=True)
    return 0


def _row(name: str, runs: int) -> Row:
    files = brain_pairs()[0]
    options: dict[str, Any] = {"threads": THREADS, **_WHAT[name]}
    fixed, moving = rk.read(files.fixed).load(), rk.read(files.moving).load()
    atlas, subject = rk.prepare(fixed), rk.prepare(moving)
    ways = dict(zip(_WAYS, ((fixed, moving), (atlas, moving), (atlas, subject)), strict=True))

    def register(way: str) -> None:
        rk.register(*ways[way], **options)

    register("both")  # compiles, and computes what is kept
    times = [{way: _timed(register, way) for way in _WAYS} for _ in range(runs)]
    cpu, wall = (
        {way: statistics.median(each[way][k] for each in times) for way in _WAYS} for k in (0, 1)
    )
    row: dict[str, Any] = {"registration": name}
    for way in _WAYS:
        row |= {f"CPU s, {way} prepared": cpu[way], f"wall s, {way} prepared": wall[way]}
        row[f"{way} saves %"] = 100 * (1 - cpu[way] / cpu["neither"])
    return row


def _timed(call: Callable[[str], None], way: str) -> tuple[float, float]:
    """CPU and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    call(way)
    return time.process_time() - cpu, time.perf_counter() - wall


if __name__ == "__main__":
    sys.exit(main())
