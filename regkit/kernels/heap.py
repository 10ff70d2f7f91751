"""What a process has freed: kept for the next array, and given back to the system at the end."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache

# From malloc.h of glibc, whose largest threshold for a mapping of its own is 32 MiB.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST, _MOST_KEPT = 32 << 20, 256 << 20


@cache
def reuse_memory() -> None:
    """Let freed memory serve the next array, where the C library would hand it back at once.

    Engines take and free arrays of the same sizes at every iteration. glibc returns each of them
    to the system, which then clears every page anew: a tenth of the time of an iteration. From
    now on this process keeps up to 256 MB; :func:`give_back_memory` returns them.

    Examples
    --------
    >>> reuse_memory()
    """
    tune = _of_c("mallopt")
    tune(_MMAP_THRESHOLD, _LARGEST)
    tune(_TRIM_THRESHOLD, _MOST_KEPT)


def give_back_memory() -> None:
    """Return freed memory to the system, where the C library keeps it.

    glibc keeps what was freed between blocks that are in use: work that takes and frees large
    arrays of many sizes then holds half as much again as it needs. It takes milliseconds; other
    systems do it by themselves.

    Examples
    --------
    >>> give_back_memory()
    """
    _of_c("malloc_trim")(0)


@cache
def _of_c(name: str) -> Callable[..., object]:
    """A function of glibc, or one that does nothing."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    found: Callable[..., object] = getattr(library, name, lambda *_: None)
    return found
