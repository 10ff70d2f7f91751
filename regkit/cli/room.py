"""Memory and disk that a run takes, compared with what is free before it starts."""

from __future__ import annotations

import sys
from pathlib import Path

from regkit.cli.plan import Plan
from regkit.errors import ResourceError
from regkit.io import preflight
from regkit.io.atomic import free_space, no_space
from regkit.io.header import Header, product, size_text
from regkit.registration.config import RegisterConfig

# Fitted to the resident peaks of whole runs on one thread, beyond the 200 MB of the imports. Pairs
# of 160x192x224 and 256x256x256 voxels in int16 took 958 and 1434 MB by default, 898 and 1448 by
# `fast`; the first one 3602 and 1052 by MIND.
_START = 350 << 20
_PER_VOXEL_READ = 25
_PER_VOXEL_WORKED = 8
_PER_VOXEL_MIND = 400
# Of the working grid in the two transforms, three float32 each; the box is about half the image.
_PER_VOXEL_WRITTEN = 12
_REPORT = 1 << 20
_HELPS = (
    "use --preset fast, images with larger voxels, a --fixed-mask around what counts, or --device "
    "cpu if a GPU is short"
)


def check_room(plan: Plan) -> None:
    """Refuse a run that would not fit, by the headers of its images alone.

    Raises
    ------
    InputError
        If a header cannot be trusted.
    ResourceError
        With what is needed and what is free.
    """
    pair = [preflight(path, plan.reading) for path in (plan.paths.fixed, plan.paths.moving)]
    sizes = [product(each.grid.straightened().shape) for each in pair]
    refuse_memory(needed_memory(sizes[0], sizes[1], plan.config), pair)
    needed = needed_space(sizes[0], plan.config)
    if free_space(plan.folder) < needed:
        raise no_space(plan.folder, needed)


def needed_memory(fixed: int, moving: int, config: RegisterConfig) -> int:
    """Bytes that registering images of so many voxels takes at its peak, beyond the program.

    Examples
    --------
    >>> from regkit.registration.config import make_config
    >>> round(needed_memory(160 * 192 * 224, 160 * 192 * 224, make_config()) / 1e6)
    766
    """
    out = _START + _PER_VOXEL_READ * (fixed + moving)
    if config.device.startswith("cuda") or config.transform != "deformable":
        return out
    each = _PER_VOXEL_MIND if config.similarity == "mind" else _PER_VOXEL_WORKED
    return out + each * _worked(fixed, config)


def needed_space(fixed: int, config: RegisterConfig) -> int:
    """Bytes that the results take at least, mostly those of the two transforms."""
    written = _worked(fixed, config) if config.transform == "deformable" else 0
    return _REPORT + _PER_VOXEL_WRITTEN * written


def refuse_memory(needed: int, images: list[Header]) -> None:
    """Refuse what needs more memory than there is.

    Raises
    ------
    ResourceError
        With both numbers and what helps.
    """
    free = available_memory()
    if free is None or needed <= free:
        return
    shown = " and ".join(f"{i.name} ({'x'.join(map(str, i.grid.shape))})" for i in images)
    raise ResourceError(
        f"{shown}: about {size_text(needed)} of memory are needed, {size_text(free)} are free; "
        f"{_HELPS}"
    )


def available_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not say.

    The least of what the machine has, what its container allows, and what the shell allows.
    """
    found = [each for each in (_machine(), _container(), _limit()) if each is not None]
    return min(found) if found else None


def _worked(fixed: int, config: RegisterConfig) -> int:
    return min(fixed, config.field.max_voxels) // min(config.field.factors) ** 3


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
