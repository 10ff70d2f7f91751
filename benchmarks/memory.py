"""The memory that a part of this process takes at its peak."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class Peak:
    """Megabytes (1e6) above what the process had before; NaN where the system does not say."""

    megabytes: float = float("nan")


@contextmanager
def peak() -> Iterator[Peak]:
    """Measure the block, on Linux: its kernel can be told to forget the last peak.

    Examples
    --------
    >>> with peak() as found:
    ...     block = bytearray(50_000_000)
    >>> found.megabytes > 45 or found.megabytes != found.megabytes
    True
    """
    found = Peak()
    if not _RESET.exists():
        yield found
        return
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what earlier blocks have freed
    _RESET.write_text("5")
    before = _resident("VmRSS")
    yield found
    found.megabytes = _resident("VmHWM") - before


def _resident(name: str) -> float:
    line = next(each for each in _STATUS.read_text().splitlines() if each.startswith(name))
    return int(line.split()[1]) * 1024 / 1e6
