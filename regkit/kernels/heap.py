"""What a process has freed, given back to the system."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache


def give_back_memory() -> None:
    """Return freed memory to the system, where the C library keeps it.

    glibc keeps what was freed between blocks that are in use: work that takes and frees large
    arrays of many sizes then holds half as much again as it needs. It takes milliseconds; other
    systems do it by themselves.

    Examples
    --------
    >>> give_back_memory()
    """
    _trim()(0)


@cache
def _trim() -> Callable[[int], object]:
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    found: Callable[[int], object] = getattr(library, "malloc_trim", lambda _: None)
    return found
