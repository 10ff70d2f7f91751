"""`python -m benchmarks.cohort`: what many pairs take together.

Throughput of one worker and of two beside processes that share nothing, with the seconds of all
processors that a pair takes, those of the client and its scheduler among them; what the runner adds
to a pair, and the memory of the client over thousands of jobs that do nothing. Worker processes are
warm: each has done a pair before.
Every job flushes its files to the disk: `TMPDIR=/dev/shm` leaves that out.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

import psutil

import regkit as rk
from benchmarks.cohort_jobs import TRIVIAL
from benchmarks.data import brain_pairs
from benchmarks.machine import describe
from benchmarks.register import machine_text
from benchmarks.table import Row, Table
from regkit.cohort import (
    FinishedPair,
    Plan,
    PlannedPair,
    WorkWay,
    kind_called,
    plan_cohort,
    read_pair_table,
    run_cohort,
    work,
)
from regkit.cohort import PairRow as Given
from regkit.cohort.cluster import Workers, libraries, local_client
from regkit.cohort.kept import RecentCache
from regkit.cohort.runner import run_pairs
from regkit.cohort.table import PairTable as Rows

_THROUGHPUT = {
    "pairs run by": "", "processes": "", "pairs": "", "wall s": ".1f",
    "pairs an hour": ".0f", "over one": ".2f", "CPU s a pair": ".2f", "of it this process": ".3f",
}  # fmt: skip
_OVERHEAD = {"what": "", "jobs": "", "ms a job": ".1f"}
_MEMORY = {"jobs done": "", "client MB": ".1f", "jobs a second": ".0f"}
_SPACING = 3.0  # mm: small pairs, which show most of what a runner adds
_MARKS = 10


def main() -> int:
    """Print three tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cohort", description=__doc__)
    parser.add_argument("--pairs", type=int, default=8, metavar="N", help="of the throughput")
    parser.add_argument("--jobs", type=int, default=10_000, metavar="N", help="that do nothing")
    parser.add_argument("--only", choices=["throughput", "trivial"])
    asked = parser.parse_args()
    print(machine_text(describe()), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if asked.only != "trivial":
            _show("Throughput, rigid", _THROUGHPUT, _throughput(Path(folder), asked.pairs))
        if asked.only != "throughput":
            overhead, memory = _trivial(Path(folder), asked.jobs)
            _show("What the runner adds", _OVERHEAD, overhead)
            _show("Memory of the client", _MEMORY, memory)
    return 0


def _show(title: str, columns: dict[str, str], rows: Sequence[Row]) -> None:
    print(f"\n{Table(title, columns, rows, ()).markdown()}", flush=True)


def _throughput(folder: Path, pairs: int) -> list[Row]:
    table = _brains(folder, pairs)
    rows: list[Row] = []
    for name, cost_of in (("processes alone", _bare), ("the cohort", _together)):
        walls: list[float] = []
        for count in (1, 2):
            plan = plan_cohort(
                table, kind_called("register"), folder / f"{cost_of.__name__}-{count}",
                options={"transform": "rigid"},
            )  # fmt: skip
            took = cost_of(plan, count)
            walls.append(took.wall)
            rows.append({
                "pairs run by": name, "processes": count, "pairs": pairs, "wall s": walls[-1],
                "pairs an hour": 3600 * pairs / walls[-1], "over one": walls[0] / walls[-1],
                "CPU s a pair": took.cpu / pairs, "of it this process": took.own / pairs,
            })  # fmt: skip
    return rows


def _brains(folder: Path, pairs: int) -> Rows:
    """The same two brains as often as asked for, thinned."""
    files, lines = brain_pairs()[0], ["fixed,moving,output"]
    for name, path in (("a.nii.gz", files.fixed), ("b.nii.gz", files.moving)):
        image = rk.read(path).load()
        grid = image.grid.with_spacing(_SPACING)
        rk.resample.warp(image, rk.Affine.identity(), onto=grid).save(folder / name)
    lines += [f"a.nii.gz,b.nii.gz,pair-{n}" for n in range(pairs + 2)]  # two to warm up
    (folder / "pairs.csv").write_text("\n".join(lines))
    return read_pair_table(folder / "pairs.csv")


@dataclass(frozen=True)
class Took:
    """Wall seconds, those of processors in this process and its children, and in this alone."""

    wall: float
    cpu: float
    own: float


def _now() -> Took:
    here = psutil.Process()
    own, *others = (
        each.cpu_times().user + each.cpu_times().system
        for each in (here, *here.children(recursive=True))
    )
    return Took(time.perf_counter(), own + sum(others), own)


def _since(began: Took) -> Took:
    now = _now()
    return Took(now.wall - began.wall, now.cpu - began.cpu, now.own - began.own)


def _bare(plan: Plan, count: int) -> Took:
    """What all pairs but the first two take, by processes that share nothing: the floor."""
    with (
        patch.dict(os.environ, libraries(1)),
        ProcessPoolExecutor(count, get_context("spawn")) as pool,
    ):
        shares = [plan.pairs[2 + first :: count] for first in range(count)]
        list(pool.map(_in_turn, [plan] * count, [plan.pairs[n : n + 1] for n in range(count)]))
        began = _now()
        list(pool.map(_in_turn, [plan] * count, shares))
        return _since(began)


def _in_turn(plan: Plan, pairs: Sequence[PlannedPair]) -> None:
    way, kept = WorkWay(plan.kind, plan.folder, threads=1), RecentCache()
    _all(work(number, each, way, kept) for number, each in enumerate(pairs))


def _together(plan: Plan, count: int) -> Took:
    """What all pairs but the first two take, by workers that have done one."""
    way = WorkWay(plan.kind, plan.folder, threads=1)
    with local_client(Workers(count, 1), retries=0) as client:
        _all(run_pairs(client, plan.pairs[:2], way, retries=0))
        began = _now()
        _all(run_pairs(client, plan.pairs[2:], way, retries=0))
        return _since(began)


def _all(finished: Iterable[FinishedPair]) -> None:
    failed = [each.error for each in finished if each.status == "failed"]
    if failed:
        raise SystemExit(failed[0])


def _trivial(folder: Path, jobs: int) -> tuple[list[Row], list[Row]]:
    plan = _plan(folder / "dask", jobs)
    alone, few = _plan(folder / "alone", 200), RecentCache()
    way = WorkWay(alone.kind, alone.folder, threads=1)
    times = []
    for number, planned in enumerate(alone.pairs):
        began = time.perf_counter()
        work(number, planned, way, few)
        times.append(time.perf_counter() - began)
    memory = _watched(plan)
    overhead: list[Row] = [
        {"what": "in this process", "jobs": len(times), "ms a job": 1e3 * statistics.median(times)},
        {"what": "by two workers, from submission to result", "jobs": jobs,
         "ms a job": 1e3 / statistics.median(row["jobs a second"] for row in memory)},
    ]  # fmt: skip
    return overhead, memory


def _plan(folder: Path, jobs: int) -> Plan:
    rows = [Given(n, {}, name=f"job-{n:06}") for n in range(jobs)]
    pairs = [PlannedPair(row, TRIVIAL.make(row, folder / row.name)) for row in rows]
    return Plan(Rows(folder / "rows.csv", (), ()), TRIVIAL, folder, pairs)


def _watched(plan: Plan) -> list[Row]:
    """Run all jobs, and note the client's memory ten times."""
    process, step = psutil.Process(), max(1, len(plan.pairs) // _MARKS)
    rows: list[Row] = []
    began, way = time.perf_counter(), WorkWay(plan.kind, plan.folder, threads=1)

    def marked(finished: Iterator[FinishedPair]) -> Iterator[FinishedPair]:
        nonlocal began
        for count, each in enumerate(finished, start=1):
            yield each
            if count % step == 0:
                now = time.perf_counter()
                rows.append({
                    "jobs done": count, "client MB": process.memory_info().rss / 1e6,
                    "jobs a second": step / (now - began),
                })  # fmt: skip
                began = now
                print(rows[-1], file=sys.stderr, flush=True)

    with local_client(Workers(2, 1), retries=0) as client:
        run_cohort(plan, marked(run_pairs(client, plan.pairs, way, retries=0)))
    with (plan.folder / "table.csv").open(newline="") as file:
        if sum(1 for _ in csv.DictReader(file)) != len(plan.pairs):
            raise SystemExit("a job is missing in the table")
    return rows


if __name__ == "__main__":
    sys.exit(main())
