"""What a process holds of memory: taken ahead, kept for the next array, given back at the end."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Thread

# From malloc.h of glibc, whose largest threshold for a mapping of its own is 32 MiB.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST, _MOST_KEPT = 32 << 20, 256 << 20
_BLOCK = 16 << 20  # taken ahead at a time: from the heap, which a mapping of its own is not


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


@contextmanager
def memory_ahead(size: int) -> Iterator[None]:
    """Have the system clear up to 256 MB on another thread, for the arrays that come afterwards.

    The system clears a page when it is first written to. Where something else keeps Python busy, as
    importing PyTorch does, a second core has time for that: two brains at 1 mm are registered 0.2 s
    sooner. It is for the main thread, and does nothing where the C library is not glibc.

    Parameters
    ----------
    size
        In bytes. What is left of it by blocks of 16 MB is not taken.

    Examples
    --------
    >>> with memory_ahead(32 << 20):
    ...     import torch
    """
    if not _has_heap():
        yield
        return
    reuse_memory()
    library = ctypes.CDLL(None)
    take, clear, free = library.malloc, library.memset, library.free
    take.restype, take.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    clear.argtypes, free.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t], [take.restype]
    taken = [take(_BLOCK) for _ in range(min(size, _MOST_KEPT) // _BLOCK)]
    blocks = [block for block in taken if block]
    worker = Thread(target=lambda: [clear(block, 0, _BLOCK) for block in blocks], daemon=True)
    worker.start()
    try:
        yield
    finally:
        worker.join()
        for block in blocks:
            free(block)


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
def _has_heap() -> bool:
    """Whether memory that is freed stays where the next array finds it."""
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt")


@cache
def _of_c(name: str) -> Callable[..., object]:
    """A function of glibc, or one that does nothing."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    found: Callable[..., object] = getattr(library, name, lambda *_: None)
    return found
