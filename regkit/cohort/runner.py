"""Many pairs through a Dask client, few of them on their way at a time."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from traceback import extract_tb
from types import TracebackType
from typing import cast

from distributed import Client, Future, KilledWorker, WorkerPlugin, as_completed, get_worker

from regkit.cohort.kept import Kept
from regkit.cohort.plan import Planned
from regkit.cohort.work import Finished, WorkWay, work

_AHEAD = 4  # pairs a worker: enough that none waits for the next one
_LEAST = 16


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
        self.kept = Kept()

    def setup(self, worker: object) -> None:
        """Begin with nothing kept."""
        self.kept = Kept()


def run_pairs(
    client: Client, pairs: Sequence[Planned], way: WorkWay, *, retries: int
) -> Iterator[Finished]:
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

    Yields
    ------
    Finished
        One a pair, never two.
    """
    name = f"regkit-{os.urandom(8).hex()}"
    client.register_plugin(Keeper(name, way))
    waiting = iter(enumerate(pairs))

    def submit(number: int, planned: Planned) -> Future[Finished]:
        return client.submit(
            on_worker, name, number, planned, key=(name, number), retries=retries, pure=False
        )

    running = as_completed(loop=client.loop)
    for each in itertools.islice(waiting, _ahead(client)):
        running.add(submit(*each))
    for future in running:
        yield _told(future)
        future.release()
        for each in itertools.islice(waiting, 1):
            running.add(submit(*each))
    client.unregister_worker_plugin(name)


def on_worker(name: str, number: int, planned: Planned) -> Finished:
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


def _ahead(client: Client) -> int:
    return max(_LEAST, _AHEAD * len(client.scheduler_info(n_workers=-1)["workers"]))


def _told(future: Future[Finished]) -> Finished:
    if future.status == "finished":
        return future.result()
    number = cast(tuple[str, int], future.key)[1]
    return Finished(number, "failed", _reason(future.exception(), future.traceback()))


def _reason(error: BaseException | None, trace: TracebackType | None) -> str:
    """What went wrong and, as it was no error of the user, where."""
    if isinstance(error, KilledWorker):
        return "its worker died each time, as the system does when memory runs out"
    said = " ".join(str(error).split())[:300]
    frames = extract_tb(trace)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {said}".rstrip(": ") + where
