"""Start a cohort: choose workers for a plan, run its pairs there, and write what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from regkit.cohort.cohort import CohortDone, Count, run_cohort
from regkit.cohort.machine import gpu_count, share_of_queue, share_out
from regkit.cohort.plan import Plan
from regkit.cohort.work import WorkWay
from regkit.errors import InputError, require
from regkit.runs.progress import OnProgress, Progress, ignore

if TYPE_CHECKING:
    from distributed import Client

    from regkit.cohort.cluster import Workers

QueueName = Literal["slurm", "pbs", "sge"]


@dataclass(frozen=True)
class Workplace:
    """Where pairs run: on this machine, unless a scheduler or a queue is named.

    Parameters
    ----------
    scheduler
        The address of a Dask scheduler that is there.
    queue
        The batch system that starts workers, by dask-jobqueue's configuration.
    workers, threads
        How many, and threads of each; chosen from the machine where left out.
    dashboard
        Serve Dask's pages on this machine.
    """

    scheduler: str | None = None
    queue: QueueName | None = None
    workers: int | None = None
    threads: int | None = None
    dashboard: bool = False


def start_cohort(
    plan: Plan,
    place: Workplace,
    *,
    retries: int = 2,
    overwrite: bool = False,
    resume: bool = False,
    keep: Callable[[Count], None] | None = None,
    on_progress: OnProgress = ignore,
) -> CohortDone:
    """Run every pair of a plan.

    A script that calls this guards it by ``if __name__ == "__main__":``, as workers of this machine
    are spawned and import it.

    Parameters
    ----------
    plan
        What :func:`regkit.cohort.plan_cohort` has judged.
    place
        Where it runs.
    retries
        How often a pair is tried again that ended unexpectedly, or whose worker died.
    overwrite, resume
        As the plan was made: do all again, or leave what is finished.
    keep, on_progress
        See :func:`regkit.cohort.run_cohort`.

    Raises
    ------
    InputError
        If Dask is not installed, or no scheduler answers.
    ResourceError
        If not even one pair fits into the memory, or the disk is full.
    """
    require("distributed", extra="cohort")
    require("pyarrow", extra="cohort")
    from regkit.cohort.runner import run_pairs

    if retries < 0:
        raise InputError(f"--retries is {retries}; give 0 or more")
    asks = any(each.row.options.get("device", "auto") != "cpu" for each in plan.pairs)
    with open_crew(
        place,
        pairs=len(plan.pairs),
        memory=plan.memory,
        retries=retries,
        on_gpu=asks,
        say=lambda line: on_progress(Progress("workers", 0.0, line=line)),
    ) as crew:
        way = WorkWay(plan.kind, plan.folder, crew.threads, overwrite and not resume)
        return run_cohort(
            plan,
            run_pairs(crew.client, plan.pairs, way, retries=retries, tend=crew.tend),
            about={"workers": crew.workers, "threads": crew.threads},
            resume=resume,
            keep=keep,
            on_progress=on_progress,
        )  # fmt: skip


@dataclass(frozen=True)
class Crew:
    """Workers that were found or started.

    Parameters
    ----------
    client
        Through which they are given work.
    workers
        How many there are, or were asked for.
    threads
        Of each job; 0 for as many as a worker has.
    tend
        Called now and then while they work, so that lost ones are replaced.
    """

    client: Client
    workers: int
    threads: int
    tend: Callable[[], None] = lambda: None


@contextmanager
def open_crew(
    place: Workplace,
    *,
    pairs: int,
    memory: int,
    retries: int,
    on_gpu: bool,
    say: Callable[[str], None],
) -> Iterator[Crew]:
    """Find or start workers; those that were started end with the context.

    Parameters
    ----------
    place
        Where they run.
    pairs
        How many jobs there are at a time.
    memory
        Bytes that the largest of them takes beyond the program.
    retries
        How often a job is begun again whose worker died.
    on_gpu
        Whether a job may use one.
    say
        Is told what a person should know of the workers.

    Raises
    ------
    InputError
        If a scheduler and a queue are both named, no scheduler answers, or no job is taken.
    ResourceError
        If not even one job fits into the memory.
    """
    from regkit.cohort.cluster import local_client, remote_client

    if place.scheduler and place.queue:
        raise InputError("both a scheduler and a queue are named; give one of them")
    if place.scheduler:
        with remote_client(place.scheduler) as client:
            count = len(client.scheduler_info(n_workers=-1)["workers"])
            yield Crew(client, count, place.threads or 0)
    elif place.queue:
        from regkit.cohort.queue import queue_client

        count, threads = share_of_queue(place.workers, place.threads)
        with queue_client(
            place.queue, count, threads=threads, memory=memory, retries=retries,
            dashboard=place.dashboard, say=say,
        ) as (client, jobs):  # fmt: skip
            yield Crew(client, count, threads, jobs.tend)
    else:
        here = _workers(place, pairs, memory, on_gpu)
        with local_client(here, retries=retries, dashboard=place.dashboard) as client:
            yield Crew(client, here.count, here.threads)


def _workers(place: Workplace, pairs: int, memory: int, on_gpu: bool) -> Workers:
    from regkit.cohort.cluster import Workers

    gpus = gpu_count() if on_gpu else 0
    wanted = min(gpus, pairs) or None if place.workers is None else place.workers
    count, threads, share = share_out(pairs, memory, workers=wanted, threads=place.threads)
    return Workers(count, threads, share, gpus=0 < count <= gpus)
