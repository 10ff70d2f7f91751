"""Many pairs through a Dask client, few of them on their way at a time."""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from traceback import extract_tb
from types import TracebackType
from typing import Any, cast

from distributed import Client, Future, KilledWorker, WorkerPlugin, as_completed, get_worker

from regkit.cohort.kept import RecentCache
from regkit.cohort.plan import PlannedPair
from regkit.cohort.work import FinishedPair, WorkWay, work
from regkit.errors import RegkitError

_AHEAD = 4  # pairs a worker: enough that none waits for the next one
_LEAST = 16
_RECOUNT = 5.0  # seconds
_MOMENT = 0.05  # seconds


class Keeper(WorkerPlugin):
    """What every worker has of a cohort, those that replace others too.

    Parameters
    ----------
    name
        That of the cohort.
    way
        How its pairs are run.
    """

    def __init__(self, name: str, way: WorkWay) -> None:
        self.name, self.way = name, way
        self.kept = RecentCache()

    def setup(self, worker: object) -> None:
        """Begin with nothing kept."""
        self.kept = RecentCache()


def run_pairs(
    client: Client,
    pairs: Sequence[PlannedPair],
    way: WorkWay,
    *,
    retries: int,
    tend: Callable[[], None] = lambda: None,
) -> Iterator[FinishedPair]:
    """Run pairs and give what became of each, in the order in which they end.

    Parameters
    ----------
    client
        Of any cluster.
    pairs
        What is to be done.
    way
        How.
    retries
        How often a pair is tried again that ended by something that regkit did not expect, or
        whose worker died.
    tend
        Called several times a second while pairs are on their way.

    Yields
    ------
    Finished
        One a pair, never two.
    """
    name = f"regkit-{os.urandom(8).hex()}"
    client.register_plugin(Keeper(name, way))
    waiting = iter(enumerate(pairs))

    def submit(number: int, planned: PlannedPair) -> Future[FinishedPair]:
        return client.submit(
            on_worker, name, number, planned, key=(name, number), retries=retries, pure=False
        )

    # With results: one that is lost with its worker comes later, and nothing here waits for it.
    running = as_completed(loop=client.loop, with_results=True, raise_errors=False)
    ahead = Ahead(client)
    while True:
        for each in itertools.islice(waiting, max(0, ahead() - running.count())):
            running.add(submit(*each))
        if running.is_empty():
            break
        tend()
        if not running.has_ready():
            time.sleep(_MOMENT)
            continue
        future, result = next(running)
        yield _told(future, result)
        future.release()
    client.unregister_worker_plugin(name)


def on_worker(name: str, number: int, planned: PlannedPair) -> FinishedPair:
    """Do one pair on a worker that was set up for a cohort.

    Parameters
    ----------
    name
        Of the cohort: that of the plug-in which the worker was given for it.
    number
        Of the pair, from 0.
    planned
        The row and its job.
    """
    worker = get_worker()
    keeper = cast(Keeper, worker.plugins[name])
    threads = keeper.way.threads or worker.state.nthreads
    return work(number, planned, replace(keeper.way, threads=threads), keeper.kept)


class Ahead:
    """How many pairs may be on their way, by how many workers there are: more may come later."""

    def __init__(self, client: Client) -> None:
        self._client, self._counted, self._pairs = client, -math.inf, _LEAST

    def __call__(self) -> int:
        """The number, counted anew every few seconds."""
        if time.monotonic() - self._counted > _RECOUNT:
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
            self._pairs = max(_LEAST, _AHEAD * len(workers))
            self._counted = time.monotonic()
        return self._pairs


def _told(future: Future[FinishedPair], result: Any) -> FinishedPair:
    """What came of a pair; ``result`` of one that failed is what ``sys.exc_info`` gives.

    The status of the future tells less: it is lost when the worker dies after its result came.
    """
    if isinstance(result, FinishedPair):
        return result
    if isinstance(result, BaseException):  # cancelled
        raise RegkitError("the Dask scheduler is gone; the same command with --resume goes on")
    number = cast(tuple[str, int], future.key)[1]
    return FinishedPair(number, "failed", _reason(result[1], result[2]))


def _reason(error: BaseException | None, trace: TracebackType | None) -> str:
    """What went wrong and, as it was no error of the user, where."""
    if isinstance(error, KilledWorker):
        return "its worker died each time, as the system does when memory runs out"
    said = " ".join(str(error).split())[:300]
    frames = extract_tb(trace)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {said}".rstrip(": ") + where
