"""An array as it lies in a file, first axis fastest, whole or only a window of it."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from nibabel.volumeutils import array_from_file
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.io.format import Window
from regkit.io.sizes import product
from regkit.io.streams import open_stream

_CHUNK = 1 << 20
# Bytes after the voxels that are drained before the file is called wrong.
_MAX_TAIL = 1 << 24


def read_stored(
    path: Path,
    name: str,
    dtype: np.dtype[np.generic],
    shape: tuple[int, ...],
    start: int,
    *,
    window: Window | None = None,
) -> NDArray[np.generic]:
    """Read an uncompressed array, whole or a window of it, from a file.

    Only the slices of the last axis that are in the window are read.

    Parameters
    ----------
    path
        The file that holds the values.
    name
        What messages call it.
    dtype
        How the values are stored, byte order and all.
    shape
        The shape of the whole array; its first axis is fastest in the file.
    start
        The byte at which the array begins.
    window
        A slice of indices for every axis; everything when left out.

    Returns
    -------
    NDArray
        The window, in the byte order of the file.

    Raises
    ------
    InputError
        If the file cannot be read, or its data end early.
    """
    whole = tuple(slice(0, size) for size in shape)
    *planes, rows = window or whole
    step = product(shape[:-1]) * dtype.itemsize
    count = rows.stop - rows.start
    with open_stream(path, name, compressed=False) as file:
        found = array_from_file(
            (*shape[:-1], count), dtype, file, start + rows.start * step, order="F", mmap=False
        )
    return np.asarray(found)[tuple(planes)]


def read_compressed(
    path: Path,
    name: str,
    dtype: np.dtype[np.generic],
    shape: tuple[int, ...],
    start: int,
    *,
    end: int,
) -> NDArray[np.generic]:
    """Read an array inside a gzip file, and the rest of the stream for its checksum.

    nibabel stops where the voxels end and never sees the checksum, so that a flipped bit would
    pass; draining the stream is what verifies it.

    Parameters
    ----------
    path, name, dtype, shape
        As of :func:`read_stored`.
    start
        The byte at which the array begins, once decompressed.
    end
        The bytes that the file must hold at least, once decompressed.

    Returns
    -------
    NDArray
        ``(*shape)``, in the byte order of the file.

    Raises
    ------
    InputError
        If the data end early, or the compressed stream is damaged.
    """
    with open_stream(path, name, compressed=True) as file:
        found = array_from_file(shape, dtype, file, start, order="F", mmap=False)
        _drain(file, name, end)
    return np.asarray(found)


def read_frames(
    path: Path,
    name: str,
    dtype: np.dtype[np.generic],
    shape: tuple[int, ...],
    start: int,
    *,
    count: int,
    end: int | None,
) -> Iterator[NDArray[np.generic]]:
    """Read arrays that lie one behind the other, of which one at a time is in memory.

    Parameters
    ----------
    path, name, dtype
        As of :func:`read_stored`.
    shape
        Of each array; its first axis is fastest in the file.
    start
        The byte at which the first one begins, once decompressed.
    count
        How many there are.
    end
        Of a compressed file, the bytes that it must hold at least; None of any other.

    Yields
    ------
    NDArray
        ``(*shape)``, in the byte order of the file. The checksum of a compressed file is looked at
        after the last one.

    Raises
    ------
    InputError
        If the data end early, or the compressed stream is damaged.
    """
    step = product(shape) * dtype.itemsize
    with open_stream(path, name, compressed=end is not None) as file:
        for number in range(count):
            place = start + number * step
            yield np.asarray(array_from_file(shape, dtype, file, place, order="F", mmap=False))
        if end is not None:
            _drain(file, name, end)


def _drain(file: BufferedIOBase, name: str, end: int) -> None:
    while file.read(_CHUNK):
        if file.tell() > end + _MAX_TAIL:
            raise InputError(
                f"{name}: holds more than {_MAX_TAIL} bytes after its voxels; it is not what its "
                "header says"
            )
    if file.tell() < end:
        raise InputError(
            f"{name}: the file is cut: expected {end} bytes, found {file.tell()}; copy the file "
            "again"
        )
