"""One pair in whatever process it runs: done, or found to be done, and told in one row."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regkit.cohort.kept import RecentCache
from regkit.cohort.kind import OutcomeView, RowKind, RowPicture
from regkit.cohort.plan import PlannedPair
from regkit.errors import RegkitError
from regkit.io.atomic import disk_errors
from regkit.kernels.backend import threads
from regkit.runs import Job, OnProgress, Outcome, Task, check, is_finished, run
from regkit.runs.memory import check_needs
from regkit.runs.record import read_record

_RESET_PEAK = Path("/proc/self/clear_refs")
THUMBNAILS = "thumbnails"


@dataclass(frozen=True)
class FinishedPair:
    """What became of one pair.

    Parameters
    ----------
    number
        Its place in the plan, from 0.
    status
        ``done`` or ``failed``.
    error
        Why it failed.
    before
        It was finished by an earlier run.
    elapsed
        Seconds that it took, reading and writing included.
    record
        What the run says of itself.
    numbers, group, shape
        See :class:`regkit.cohort.kind.OutcomeView`.
    """

    number: int
    status: str
    error: str = ""
    before: bool = False
    elapsed: float = 0.0
    record: Mapping[str, Any] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    group: str = ""
    shape: tuple[float, ...] = ()


@dataclass(frozen=True)
class WorkWay:
    """How pairs are run.

    Parameters
    ----------
    kind
        What they are.
    folder
        That of the cohort.
    threads
        Bound of each of them; 0 for none.
    again
        Do what is finished again.
    """

    kind: RowKind
    folder: Path
    threads: int = 0
    again: bool = False


class WatchedTask:
    """A task whose outcome is seen before it is published.

    A worker may die right after the publication, and nobody would look at the outcome then.
    """

    def __init__(self, task: Task, kind: RowKind, picture: Path) -> None:
        self._task, self._kind, self._picture = task, kind, picture
        self.seen = OutcomeView()
        self.introduction, self.notices = task.introduction, task.notices

    def execute(self, on_progress: OnProgress) -> Outcome:
        """Do the work."""
        outcome = self._task.execute(on_progress)
        self.seen = self._kind.see(outcome)
        if self.seen.picture is not None:
            _save(self.seen.picture, self._picture)
        return outcome


def work(number: int, planned: PlannedPair, way: WorkWay, kept: RecentCache) -> FinishedPair:
    """Do one pair.

    Results that are there belong to this cohort, as its plan has made sure. So one that is whole is
    left as it is, unless everything is to be done again: a worker may have died after it.

    Parameters
    ----------
    number
        Of the pair, from 0.
    planned
        The row and its job.
    way
        How pairs are run: with how many threads, and whether anew.
    kept
        What this worker keeps from pair to pair, such as prepared atlases.

    Returns
    -------
    Finished
        ``failed`` for whatever regkit itself has to say.

    Raises
    ------
    Exception
        Anything else, which may go better another time.
    """
    begun = time.perf_counter()
    job = planned.job
    try:
        with threads(way.threads):
            if not way.again and is_finished(job):
                return FinishedPair(number, "done", before=True, record=_told(job))
            found = _done(number, planned, way, kept)
    except RegkitError as error:
        return FinishedPair(number, "failed", str(error), elapsed=time.perf_counter() - begun)
    return FinishedPair(**{**found, "elapsed": time.perf_counter() - begun})


def _done(number: int, planned: PlannedPair, way: WorkWay, kept: RecentCache) -> dict[str, Any]:
    job, picture = planned.job, way.folder / THUMBNAILS / f"{planned.row.name}.jpg"
    _forget_peak()
    made = _make_folder(job.outputs.folder)
    try:
        check(job)
        survey = job.look()
        check_needs(survey.needs(), job.outputs.folder)
        task = WatchedTask(way.kind.open(survey, kept), way.kind, picture)
        record = run(job, task).record
    except BaseException:
        if made:
            with suppress(OSError):  # it holds something after all
                job.outputs.folder.rmdir()
        raise
    return {
        "number": number, "status": "done", "record": record,
        "numbers": dict(task.seen.numbers), "group": task.seen.group, "shape": task.seen.shape,
    }  # fmt: skip


def _save(picture: RowPicture, path: Path) -> None:
    """A picture whole or not at all, as no record vouches for it."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            picture.save(part)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


def _make_folder(folder: Path) -> bool:
    """Make the folder of the results, and say whether it was made now."""
    if folder.is_dir():
        return False
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return True


def _told(job: Job) -> Mapping[str, Any]:
    path = job.outputs.record
    return {} if path is None else read_record(path)


def _forget_peak() -> None:
    """Begin to measure the largest resident size anew, where the system allows it."""
    with suppress(OSError):
        _RESET_PEAK.write_text("5")
