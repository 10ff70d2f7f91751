"""How many workers of how many threads and how much memory this machine has room for."""

from __future__ import annotations

import os

from regkit.errors import InputError, ResourceError
from regkit.io.sizes import size_text
from regkit.runs.memory import available_memory

PROGRAM = 400 << 20  # of a worker whose libraries are loaded
_SHARE = 0.9  # of the memory that is free
_ROOM = 1.25  # times what is needed: a worker is ended near its bound


def share_out(
    pairs: int, needs: int, *, workers: int | None = None, threads: int | None = None
) -> tuple[int, int, int | None]:
    """Divide the machine.

    One thread each is what gives most pairs an hour; several are given where memory, or the number
    of pairs, allows fewer workers than there are cores.

    Parameters
    ----------
    pairs
        How many there are.
    needs
        Bytes that the largest takes beyond the program.
    workers, threads
        What the user says.

    Returns
    -------
    workers, threads, memory
        How many, threads of each, and bytes of each; None where the system does not say.

    Raises
    ------
    InputError
        If a number is below 1.
    ResourceError
        If not even one pair fits.
    """
    _check_counts(workers, threads)
    cores, free = len(_cores()), available_memory()
    room = None if free is None else int(_SHARE * free) // (needs + PROGRAM)
    if room == 0:
        raise ResourceError(
            f"the largest pair takes about {size_text(needs + PROGRAM)} of memory and "
            f"{size_text(free or 0)} are free; use images with larger voxels, or another machine"
        )
    fitting = max(1, min(pairs, cores // (threads or 1), room or cores))
    count = workers or fitting
    memory = None if free is None else int(_SHARE * free) // count
    return count, threads or max(1, cores // count), memory


def share_of_queue(workers: int | None, threads: int | None) -> tuple[int, int]:
    """Workers and threads of each that a batch system is asked for: what was said, otherwise 1.

    Raises
    ------
    InputError
        If a number is below 1.
    """
    _check_counts(workers, threads)
    return workers or 1, threads or 1


def memory_of_worker(needs: int) -> int:
    """Bytes to ask for a worker whose largest pair takes ``needs`` beyond the program.

    Examples
    --------
    >>> memory_of_worker(600 << 20) >> 20
    1250
    """
    return int((needs + PROGRAM) * _ROOM)


def gpu_count() -> int:
    """GPUs that PyTorch can use."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _check_counts(workers: int | None, threads: int | None) -> None:
    for name, value in (("--workers", workers), ("--threads", threads)):
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}; give at least 1")


def _cores() -> set[int]:
    """Cores that this process may use, which is fewer than there are in a container or a job."""
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))
