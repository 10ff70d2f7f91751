"""What a job needs, compared with what is free before it starts."""

from __future__ import annotations

import sys
from pathlib import Path

from regkit.errors import ResourceError
from regkit.io.atomic import free_space, no_space
from regkit.io.sizes import size_text
from regkit.runs.job import Needs


def check_needs(needs: Needs, folder: Path) -> None:
    """Refuse a job that would not fit into the memory, or its outputs on the disk of ``folder``.

    Raises
    ------
    ResourceError
        With what is needed and what is free.
    """
    free = available_memory()
    if free is not None and needs.memory > free:
        raise ResourceError(
            f"{needs.of}: about {size_text(needs.memory)} of memory are needed, {size_text(free)} "
            f"are free; {needs.helps}"
        )
    if free_space(folder) < needs.disk:
        raise no_space(folder, needs.disk)


def available_memory() -> int | None:
    """Return the bytes that this process may still take; None where the system does not say.

    The least of what the machine has, what its container allows, and what the shell allows.
    """
    found = [each for each in (_machine(), _container(), _limit()) if each is not None]
    return min(found) if found else None


def _machine() -> int | None:
    lines = (_text("/proc/meminfo") or "").splitlines()
    return next((int(x.split()[1]) << 10 for x in lines if x.startswith("MemAvailable")), None)


def _container() -> int | None:
    """What a control group leaves, in which files that are cached do not count as taken."""
    most, taken = _text("/sys/fs/cgroup/memory.max"), _text("/sys/fs/cgroup/memory.current")
    stat = (_text("/sys/fs/cgroup/memory.stat") or "").split()
    if most is None or taken is None or not most.strip().isdigit():
        return None
    cached = int(stat[stat.index("inactive_file") + 1]) if "inactive_file" in stat else 0
    return max(0, int(most) - int(taken) + cached)


def _limit() -> int | None:
    """What `ulimit -v` leaves."""
    pages = _text("/proc/self/statm")
    if sys.platform == "win32" or pages is None:
        return None
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(pages.split()[0]) * resource.getpagesize()
    return None if most == resource.RLIM_INFINITY else max(0, most - taken)


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
