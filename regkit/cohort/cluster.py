"""Where pairs run: worker processes of this machine, or a Dask scheduler that is there."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dask
from distributed import Client, Nanny, Scheduler, SpecCluster

from regkit.errors import InputError

LOCALHOST = "127.0.0.1"
_ANY_PORT = f"{LOCALHOST}:0"
_DASHBOARD = f"{LOCALHOST}:8787"
_PATIENCE = 30  # seconds
# A pair is in memory once; what Dask would spill or wait for is no pair.
WORKER_SETTINGS = {
    "distributed.worker.multiprocessing-method": "spawn",
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.profile.enabled": False,
    # Dask looks at itself 50 times a second in every process, which took 3 % of two busy cores.
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.memory.monitor-interval": "500ms",
}
_SCHEDULER_SETTINGS = {
    # One that waits in a worker would be counted among the victims when that worker dies.
    "distributed.scheduler.worker-saturation": 1.0,
    # Its nanny replaces a worker that died. Without these, SpecCluster closes the nanny of one that
    # is not back after 15 s, or that dies once more meanwhile, and kills the pair it has by then;
    # and the scheduler gives up a worker that a long pair keeps from answering for 300 s.
    "distributed.deploy.lost-worker-timeout": "365 days",
    "distributed.scheduler.worker-ttl": None,
}
_LIBRARIES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Workers:
    """The worker processes of this machine.

    Parameters
    ----------
    count
        How many.
    threads
        What each of them may keep busy.
    memory
        Bytes at which one is stopped and its pair begun anew; None for no bound.
    gpus
        Each of them has one GPU of its own.
    """

    count: int
    threads: int
    memory: int | None = None
    gpus: bool = False

    def environment(self, number: int) -> dict[str, str]:
        """Variables of one worker alone."""
        return {"CUDA_VISIBLE_DEVICES": _device(number)} if self.gpus else {}


@contextmanager
def local_client(workers: Workers, *, retries: int, dashboard: bool = False) -> Iterator[Client]:
    """A client of a scheduler in this process and of workers that are spawned.

    All listen on the loopback interface alone.

    Parameters
    ----------
    retries
        How often a pair is begun again whose worker died.
    dashboard
        Serve Dask's pages at 127.0.0.1:8787.
    """
    with (
        tempfile.TemporaryDirectory(prefix="regkit-cohort-") as scratch,
        dask_settings(retries, libraries(workers.threads)),
        _unchanged(*libraries(workers.threads), "PYTHONHASHSEED"),
    ):
        spec = {n: _worker(workers, n, scratch) for n in range(workers.count)}
        scheduler = {
            "cls": Scheduler,
            "options": {"host": LOCALHOST, "port": 0, **pages(dashboard)},
        }
        with (
            SpecCluster(workers=spec, scheduler=scheduler, silence_logs=logging.CRITICAL) as there,
            Client(there, set_as_default=False) as client,
        ):
            yield client


@contextmanager
def remote_client(address: str) -> Iterator[Client]:
    """A client of a scheduler that is there.

    Raises
    ------
    InputError
        If nothing answers.
    """
    try:
        client = Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{address}: no Dask scheduler answers there; start one with `dask scheduler`, or "
            "leave --scheduler out"
        ) from error
    with client:
        yield client


@contextmanager
def dask_settings(retries: int, variables: Mapping[str, str]) -> Iterator[None]:
    """Dask as a cohort wants it, in this process and in workers that it spawns.

    Parameters
    ----------
    retries
        How often a pair is begun again whose worker died.
    variables
        Of the environment of workers.
    """
    settings: Mapping[str, Any] = {
        **WORKER_SETTINGS,
        **_SCHEDULER_SETTINGS,
        "distributed.scheduler.allowed-failures": retries,
        # Not those of Dask: with its MALLOC_TRIM_THRESHOLD_ pairs took longer (docs/scaling.md).
        "distributed.nanny.pre-spawn-environ": dict(variables),
    }
    with dask.config.set(settings):
        yield


def pages(dashboard: bool) -> dict[str, Any]:
    """Options of a scheduler: Dask's pages for this machine alone, if they are asked for."""
    return {
        "dashboard": dashboard,
        "dashboard_address": _DASHBOARD if dashboard else _ANY_PORT,
    }


def libraries(threads: int) -> dict[str, str]:
    """Variables that libraries read when they are loaded: set before a worker is spawned."""
    return dict.fromkeys(_LIBRARIES, str(threads)) | {"OMP_WAIT_POLICY": "passive"}


@contextmanager
def _unchanged(*names: str) -> Iterator[None]:
    """Give variables of the environment back their values, which nannies change for good."""
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _worker(workers: Workers, number: int, scratch: str) -> dict[str, Any]:
    return {
        "cls": Nanny,
        "options": {
            "host": LOCALHOST,
            "nthreads": 1,
            "memory_limit": workers.memory or 0,
            "env": workers.environment(number),
            "local_directory": scratch,
            "dashboard_address": _ANY_PORT,
            "silence_logs": logging.CRITICAL,
        },
    }


def _device(number: int) -> str:
    """The GPU of a worker, among those that this process may see."""
    visible = [word for word in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if word]
    return visible[number] if number < len(visible) else str(number)
