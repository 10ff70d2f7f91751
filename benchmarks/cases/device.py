"""The default preset inside a process that is warm, stage by stage: what a GPU is for."""

from __future__ import annotations

import statistics
import time

import regkit as rk
from benchmarks.data import PairFiles, brain_pairs
from benchmarks.session import Session, say
from benchmarks.table import Row, Table

_COLUMNS = {"pair": "", "what": "", "kernels": "", "wall s": ".3f"}


def device_case(session: Session) -> list[Table]:
    """Two brains on the device of the session, without reading, writing and starting Python."""
    rows = [row for pair in brain_pairs() for row in _rows(session, pair)]
    notes = (
        f"Medians of {session.runs} after a run that compiles what must be; 160x192x224 voxels.",
        "Both images are in memory before, and the result is on the CPU after.",
    )
    return [Table(f"Inside a warm process, device {session.device}", _COLUMNS, rows, notes)]


def _rows(session: Session, pair: PairFiles) -> list[Row]:
    fixed, moving = rk.read(pair.fixed), rk.read(pair.moving)
    say(f"{pair.name} on {session.device}, once to warm up")
    first, _ = _once(fixed, moving, session.device)
    found = [_once(fixed, moving, session.device) for _ in range(session.runs)]
    whole = statistics.median(seconds for _, seconds in found)
    stages = [
        {
            "pair": pair.name,
            "what": stage.name,
            "kernels": stage.kernels,
            "wall s": statistics.median(result.stages[n].seconds for result, _ in found),
        }
        for n, stage in enumerate(first.stages)
    ]
    return [*stages, {"pair": pair.name, "what": "everything", "wall s": whole}]


def _once(fixed: rk.Volume, moving: rk.Volume, device: str) -> tuple[rk.Result, float]:
    begin = time.perf_counter()
    result = rk.register(fixed, moving, device=device)
    return result, time.perf_counter() - begin
