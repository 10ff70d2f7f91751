"""Several values a voxel in a file: written by its format, and read back to be sure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.geometry import Grid
from regkit.geometry.affines import Matrix
from regkit.io.format import Format
from regkit.io.header import Header
from regkit.io.options import ReadOptions
from regkit.io.voxels import check_same

_HEADER = 1 << 16  # bytes that a file may have besides its voxels


def of_channels(form: Format) -> Format:
    """Return a format that writes and verifies arrays of several channels, with frames or without.

    They are ``(*grid.shape, C)`` or ``(*grid.shape, frames, C)``.
    """
    return replace(form, write=form.write_channels, verify=partial(_verify, form))


def _verify(form: Format, data: NDArray[Any], grid: Grid, path: Path) -> None:
    options = ReadOptions(channels="all", max_bytes=data.nbytes + _HEADER)
    header = form.header(path, options)
    affine = _flat(header.grid.affine, grid.ndim)
    written = data if data.ndim > grid.ndim + 1 else data[..., None, :]
    for number in range(header.channels):
        for frame, found in enumerate(_frames(form, header, number)):
            wanted = written[..., frame, number]
            check_same(path, _as(found.reshape(grid.shape), data.dtype), wanted, affine, grid)


def _frames(form: Format, header: Header, channel: int) -> Iterator[NDArray[Any]]:
    """Every frame of one channel; a format that can do so reads a compressed file once for all."""
    of = partial(header.of, channel=channel)
    if header.frames > 1 and form.read_series is not None:
        yield from form.read_series(of(frame=0))
        return
    whole = tuple(slice(0, size) for size in header.grid.shape)
    for frame in range(header.frames):
        yield form.read(of(frame=frame), whole, 0)


def _flat(affine: Matrix, ndim: int) -> Matrix:
    """Return the affine of the plane, where a 2-D image was written as a slice."""
    keep = [*range(ndim), -1]
    return affine[np.ix_(keep, keep)]


def _as(found: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Fortran order, as what was written has it; the type is left to be compared."""
    return np.asarray(found, dtype=found.dtype.newbyteorder("="), order="F")
