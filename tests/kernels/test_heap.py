"""Memory of the C heap, in a process of its own: what others have freed would hide what is told."""

import subprocess
import sys

import pytest

from regkit.kernels import heap

_FAULTS = """
import ctypes, resource
from contextlib import nullcontext
from regkit.kernels.heap import memory_ahead, reuse_memory

library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
reuse_memory()
with memory_ahead({ahead}):
    pass
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
library.memset(library.malloc(24 << 20), 0, 24 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(ahead):
    words = [sys.executable, "-c", _FAULTS.format(ahead=ahead)]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not heap._has_heap(), reason="the C library is not glibc")
def test_what_was_taken_ahead_serves_the_next_array():
    without, ahead = _faults(0), _faults(64 << 20)
    assert ahead < without / 10


def test_an_error_passes_and_nothing_is_taken_of_too_little():
    with pytest.raises(ZeroDivisionError), heap.memory_ahead(1 << 20):
        raise ZeroDivisionError


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(heap, "_has_heap", lambda: False)
    monkeypatch.setattr(heap.ctypes, "CDLL", None)
    with heap.memory_ahead(64 << 20):
        pass
