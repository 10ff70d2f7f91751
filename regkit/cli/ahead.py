"""What a command does while its modules are imported."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from regkit.kernels.heap import memory_ahead

_ARRAYS = 10  # as large as an image in its file, that an engine holds for each


def memory_for(images: Iterable[Path]) -> AbstractContextManager[None]:
    """Have the memory for some images cleared in a ``with`` block of imports.

    Parameters
    ----------
    images
        Files as a user gave them: one that cannot be read counts as none, and is told of later.
    """
    return memory_ahead(_ARRAYS * sum(map(_size, images)))


def _size(path: Path) -> int:
    """Bytes of a file, of one by gzip without compression, as its end says modulo 4 GB."""
    try:
        if not path.is_file():  # a pipe can be read but once
            return 0
        with path.open("rb") as file:
            end = file.seek(0, 2)
            if path.suffix != ".gz" or end < 4:
                return end
            file.seek(-4, 2)
            return int.from_bytes(file.read(4), "little")
    except OSError:
        return 0
