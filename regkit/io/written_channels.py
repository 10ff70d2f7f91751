"""Several values a voxel in a file: written by its format, and read back to be sure."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.geometry import Grid
from regkit.geometry.affines import Matrix
from regkit.io.format import Format
from regkit.io.options import ReadOptions
from regkit.io.voxels import check_same

_HEADER = 1 << 16  # bytes that a file may have besides its voxels


def of_channels(form: Format) -> Format:
    """Return a format that writes and verifies arrays of several channels, ``(*grid.shape, C)``."""
    return replace(form, write=form.write_channels, verify=partial(_verify, form))


def _verify(form: Format, data: NDArray[Any], grid: Grid, path: Path) -> None:
    options = ReadOptions(channels="all", max_bytes=data.nbytes + _HEADER)
    header = form.header(path, options).of(frame=0, channel=None, channels="all")
    whole = tuple(slice(0, size) for size in header.grid.shape)
    affine = _flat(header.grid.affine, grid.ndim)
    for number, each in enumerate(header.each_channel):
        found = form.read(each, whole, 0).reshape(grid.shape)
        check_same(path, _as(found, data.dtype), data[..., number], affine, grid)


def _flat(affine: Matrix, ndim: int) -> Matrix:
    """Return the affine of the plane, where a 2-D image was written as a slice."""
    keep = [*range(ndim), -1]
    return affine[np.ix_(keep, keep)]


def _as(found: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Fortran order, as what was written has it; the type is left to be compared."""
    return np.asarray(found, dtype=found.dtype.newbyteorder("="), order="F")
