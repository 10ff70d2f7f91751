"""Run a cohort: every pair of a plan on a cluster, one table and one page at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from regkit.cohort.entry import entry_of, proof_of
from regkit.cohort.eta import Clock
from regkit.cohort.journal import Journal, Line, earlier_lines, journal_at
from regkit.cohort.overview import write_overview
from regkit.cohort.plan import Plan
from regkit.cohort.results import gather_results, write_tables
from regkit.cohort.work import FinishedPair
from regkit.io.atomic import disk_errors, write_atomically
from regkit.report.versions import versions
from regkit.runs.progress import OnProgress, Progress, ignore
from regkit.runs.record import write_record

JOURNAL, RECORD = "rows.jsonl", "cohort.json"


@dataclass(frozen=True)
class Count:
    """How a cohort ended.

    Parameters
    ----------
    done, failed
        Pairs.
    before
        Those of ``done`` that an earlier run had finished.
    unfit
        Those of ``done`` whose quality is ``fail``.
    """

    done: int = 0
    failed: int = 0
    before: int = 0
    unfit: int = 0

    def with_one(self, line: Line) -> Count:
        """One pair more."""
        entry = line.entry
        failed = entry["status"] == "failed"
        return Count(
            self.done + (not failed),
            self.failed + failed,
            self.before + bool(entry["before"]),
            self.unfit + (entry["quality"] == "fail"),
        )


@dataclass(frozen=True)
class CohortDone:
    """A cohort that has ended: where its results are, and how many pairs ended how."""

    folder: Path
    count: Count
    files: tuple[Path, ...]

    def summary(self) -> str:
        """A line for a person."""
        count = self.count
        parts = [f"{count.done} done"]
        parts += [f"{count.before} of them before"] if count.before else []
        parts += [f"{count.failed} failed"] if count.failed else []
        parts += [f"quality fail in {count.unfit}"] if count.unfit else []
        return f"done    {', '.join(parts)}"


def run_cohort(
    plan: Plan,
    finished: Iterable[FinishedPair],
    *,
    about: Mapping[str, Any] | None = None,
    resume: bool = False,
    keep: Callable[[Count], None] | None = None,
    on_progress: OnProgress = ignore,
) -> CohortDone:
    """Write the results of a plan as its pairs end.

    Parameters
    ----------
    plan
        What is done.
    finished
        What :func:`regkit.cohort.runner.run_pairs` gives, or any other way of running pairs.
    about
        What ``cohort.json`` says besides.
    resume
        Keep what an earlier run has written of the pairs that it finished.
    keep
        Called with the count after every pair.
    on_progress
        Called likewise; failures are lines.

    Raises
    ------
    ResourceError
        If the disk is too full for the results; pairs that are finished stay.
    """
    started = time.perf_counter()
    with disk_errors(plan.folder):
        plan.folder.mkdir(parents=True, exist_ok=True)
        if not resume:
            (plan.folder / JOURNAL).unlink(missing_ok=True)
    earlier, clock, count = earlier_lines(plan.folder / JOURNAL), Clock(len(plan.pairs)), Count()
    with journal_at(plan.folder / JOURNAL) as journal:
        for each in finished:
            line = _line(plan, each, earlier)
            journal.add(each.number, line)
            count = count.with_one(line)
            if keep is not None:
                keep(count)
            on_progress(_progress(plan, line, clock, count))
        files = _write(plan, journal)
    record = {
        "status": "done", "kind": plan.kind.name, "table": plan.table.name,
        "pairs": len(plan.pairs), **vars(count),
        "seconds": round(time.perf_counter() - started, 2), "versions": versions(),
        **(about or {}),
    }  # fmt: skip
    path = plan.folder / RECORD
    write_atomically(path, lambda part: write_record(record, part), overwrite=True)
    return CohortDone(plan.folder, count, (*files, path))


def _line(plan: Plan, finished: FinishedPair, earlier: Mapping[str, Line]) -> Line:
    planned, proof = plan.pairs[finished.number], proof_of(finished.record)
    known = earlier.get(planned.row.name)
    if finished.before and known is not None and known.proof == proof:
        finished = replace(
            finished, numbers=known.numbers, group=known.group, shape=known.shape,
            elapsed=known.entry.get("elapsed") or 0.0,
        )  # fmt: skip
    entry = entry_of(plan.table, planned, finished)
    return Line(entry, finished.numbers, finished.group, finished.shape, proof)


def _progress(plan: Plan, line: Line, clock: Clock, count: Count) -> Progress:
    entry = line.entry
    ended = count.done + count.failed
    failed = f"failed  {plan.table.at(entry['line'])}: {entry['error']}"
    return Progress(
        plan.kind.name, ended / len(plan.pairs), clock.note(ended, count.failed, count.before),
        failed if entry["status"] == "failed" else "",
    )  # fmt: skip


def _write(plan: Plan, journal: Journal) -> list[Path]:
    results = gather_results(journal, plan.kind.outliers)
    return [*write_tables(results, plan.folder), write_overview(plan, results)]
