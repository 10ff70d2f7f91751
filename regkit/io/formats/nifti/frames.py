"""The frames of a NIfTI file, written one after the other."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.geometry import Grid
from regkit.io.format import FrameArrays
from regkit.io.formats.nifti.header import layout_of, raw_header
from regkit.io.formats.nifti.voxels import nifti_image
from regkit.io.sizes import product
from regkit.io.stored import read_frames
from regkit.io.voxels import read_back_error, write_stream

_HEADER = 4096  # bytes that the file may have besides its voxels


def write_nifti_frames(frames: FrameArrays, grid: Grid, path: Path) -> Callable[[Path], None]:
    """Write a 4-D NIfTI file frame by frame, and return what reads it back and compares it.

    Parameters
    ----------
    frames
        What is written.
    grid
        Where the voxels of each lie.
    path
        The file; its content is compressed where the name ends in .gz.

    Returns
    -------
    Callable
        Takes the path of the file; a ``ResourceError`` tells that the disk lost something.
    """
    shape = (*grid.shape, *[1] * (3 - grid.ndim), frames.count)
    # An array of this shape that takes no memory stands for the voxels in the header.
    still = np.broadcast_to(np.zeros((), frames.dtype), shape)
    header = nifti_image(still, grid, frames.repetition).header
    header["vox_offset"] = header.single_vox_offset
    checksums: list[int] = []

    def write(stream: Any) -> None:
        header.write_to(stream)
        for values in _stored(frames, header.get_data_dtype()):
            checksums.append(zlib.crc32(values))
            stream.write(values)

    write_stream(write, path, compressed=path.name.endswith(".gz"))
    return lambda written: _check(written, checksums)


def _stored(frames: FrameArrays, dtype: np.dtype[Any]) -> Iterator[bytes]:
    for values in frames.arrays:
        yield np.asarray(values, dtype).tobytes(order="F")


def _check(path: Path, checksums: list[int]) -> None:
    compressed = path.name.endswith(".gz")
    header: Any = raw_header(path, compressed=compressed)
    nbytes = product(header.get_data_shape()) * header.get_data_dtype().itemsize
    layout = layout_of(header, path, compressed=compressed, max_bytes=nbytes + _HEADER)
    found = read_frames(
        path, path.name, layout.dtype, layout.dims[:3], layout.offset, count=len(checksums),
        end=layout.offset + layout.nbytes if compressed else None,
    )  # fmt: skip
    if [_checksum(frame) for frame in found] != checksums:
        raise read_back_error(path)


def _checksum(frame: NDArray[Any]) -> int:
    return zlib.crc32(frame.tobytes(order="F"))
