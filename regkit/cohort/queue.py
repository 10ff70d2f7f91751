"""Workers that a batch system starts: a job a worker, begun again when its time is over."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from shutil import which
from typing import Any

import dask
from distributed import Client

from regkit.cohort.cluster import WORKER_SETTINGS, dask_settings, libraries, pages
from regkit.cohort.machine import memory_of_worker
from regkit.cohort.queue_jobs import QueueJobs, refusable, said_in
from regkit.errors import InputError, require

LOGS = "regkit-logs"  # in the working directory, which all nodes see


@dataclass(frozen=True)
class BatchSystem:
    """What regkit knows of one.

    Parameters
    ----------
    cluster
        The class of dask-jobqueue.
    listing
        The command that lists the user's jobs, each with its number.
    """

    cluster: str
    listing: tuple[str, ...]


SYSTEMS = {
    "slurm": BatchSystem("SLURMCluster", ("squeue", "--me", "--noheader", "--format=%A %T %r")),
    "pbs": BatchSystem("PBSCluster", ("qstat",)),
    "sge": BatchSystem("SGECluster", ("qstat",)),
}


@contextmanager
def queue_client(
    system: str,
    workers: int,
    *,
    threads: int,
    memory: int,
    retries: int,
    dashboard: bool,
    say: Callable[[str], None],
) -> Iterator[tuple[Client, QueueJobs]]:
    """Open a client of workers that a batch system starts.

    dask-jobqueue's own configuration says where they run and how long; what it leaves out is one
    worker a job, and the memory that a pair takes.

    Parameters
    ----------
    system
        ``slurm``, ``pbs`` or ``sge``.
    workers
        How many are asked for.
    threads
        What each of them may keep busy.
    memory
        Bytes that the largest pair takes beyond the program.
    retries
        How often a pair is begun again whose worker died.
    dashboard
        Serve Dask's pages at 127.0.0.1:8787.
    say
        Is told what a person should know of the jobs.

    Yields
    ------
    client, jobs
        The client, and what looks after its jobs.

    Raises
    ------
    InputError
        If dask-jobqueue is not installed, or the batch system takes no job.
    """
    package, known = require("dask_jobqueue", extra="cohort-queue"), SYSTEMS[system]
    kind = getattr(package, known.cluster)
    _check_here(system, kind.job_cls.submit_command)
    job = _job(system, threads, memory)
    own = dask.config.get(f"jobqueue.{system}.scheduler-options", None) or {}
    with dask_settings(retries, libraries(threads)):
        try:
            cluster = kind(
                job_cls=refusable(kind.job_cls), silence_logs=logging.CRITICAL,
                scheduler_options=pages(dashboard) | own, **job,
            )  # fmt: skip
        except (ValueError, TypeError, OSError, RuntimeError) as error:
            raise InputError(
                f"{system}: {' '.join(str(error).split())}; {said_in(system)}"
            ) from error
        with cluster, Client(cluster, set_as_default=False) as client:
            jobs = QueueJobs(cluster, system, known.listing, job["log_directory"], say)
            jobs.ask(workers)
            yield client, jobs


def _check_here(system: str, submit: str) -> None:
    command = submit.split()[0]
    if which(command) is None:
        raise InputError(f"{system}: {command} is not here; run regkit where jobs are submitted")


def _job(system: str, threads: int, memory: int) -> dict[str, Any]:
    """What one job is: as configured, otherwise one process with the memory of a pair."""

    def said(name: str) -> Any:
        return dask.config.get(f"jobqueue.{system}.{name}", None)

    cores = said("cores") or threads
    processes = said("processes") or max(1, cores // threads)
    name = said("name")
    return {
        "cores": cores,
        "processes": processes,
        "memory": said("memory") or processes * memory_of_worker(memory),
        "job_name": "regkit" if name in (None, "dask-worker") else name,
        "log_directory": said("log-directory") or LOGS,
        # One pair at a time, however many threads it has.
        "worker_extra_args": [*(said("worker-extra-args") or ()), "--nthreads 1 --no-dashboard"],
        "job_script_prologue": [*_exports(threads), *(said("job-script-prologue") or ())],
    }


def _exports(threads: int) -> list[str]:
    """Lines of the shell by which a worker of another machine has the settings of one of this."""
    names = {
        f"DASK_{name.upper().replace('.', '__').replace('-', '_')}": str(value)
        for name, value in WORKER_SETTINGS.items()
    }
    # None takes out a variable of Dask's own, which makes pairs slower (docs/scaling.md).
    spawned = {"MALLOC_TRIM_THRESHOLD_": None}
    names["DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON"] = str(spawned)
    names |= libraries(threads)  # over those with which the job was submitted
    return [f"export {name}={shlex.quote(value)}" for name, value in names.items()]
