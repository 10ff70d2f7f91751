"""A file that HDF5 may write to a full disk: libhdf5 crashes the process when a write fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom
from pathlib import Path
from typing import Any

from regkit.errors import require


class _Patient:
    """Keeps the first failure to itself; after it nothing more is written."""

    def __init__(self, file: BufferedRandom) -> None:
        self._file = file
        self.failure: OSError | None = None

    def write(self, data: Any) -> int:
        self._attempt(lambda: self._file.write(data))
        return len(data)

    def truncate(self, size: int) -> None:
        self._attempt(lambda: self._file.truncate(size))

    def flush(self) -> None:
        self._attempt(self._file.flush)

    def read(self, size: int = -1) -> bytes:  # by which h5py knows a file
        return bytes(self._attempt(lambda: self._file.read(size)) or b"")

    def readinto(self, buffer: Any) -> int:
        self._attempt(lambda: self._file.readinto(buffer))
        return len(buffer)

    def seek(self, *place: int) -> None:
        self._attempt(lambda: self._file.seek(*place))

    def tell(self) -> int:
        return int(self._attempt(self._file.tell) or 0)

    def _attempt(self, call: Callable[[], Any]) -> Any:
        if self.failure is not None:
            return None
        try:
            return call()
        except OSError as error:
            self.failure = error
            return None


@contextmanager
def new_hdf5(path: Path) -> Iterator[Any]:
    """Open a new HDF5 file for writing with h5py; it is flushed and closed at the end of the block.

    Raises
    ------
    OSError
        If the disk is full or fails.
    """
    h5py = require("h5py", extra="all")
    with _quietly_closed(path.open("w+b")) as file:
        patient = _Patient(file)
        try:
            with h5py.File(patient, "w") as out:
                yield out
        except (OSError, RuntimeError):  # HDF5 may wonder at a file that takes nothing any more
            if patient.failure is None:
                raise
        patient.flush()
        if patient.failure is not None:
            raise patient.failure


@contextmanager
def _quietly_closed(file: BufferedRandom) -> Iterator[BufferedRandom]:
    """Closed without the error that what is left in its buffer would raise once more."""
    try:
        yield file
    finally:
        with suppress(OSError):
            file.close()
