"""NRRD and MetaImage, out, by SimpleITK: written, and read back to be sure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.atomic import free_space, no_space
from regkit.io.itk import attempt, grid_from, image_from, itk_reason, reader_of, simpleitk
from regkit.io.voxels import check_same


def write_itk(
    data: NDArray[Any], grid: Grid, path: Path, *, repetition: float | None = None
) -> None:
    """Write an image of one frame as NRRD or MetaImage, uncompressed.

    Parameters
    ----------
    data
        ``(*grid.shape)``, the first axis fastest, or ``(*grid.shape, C)``: channels become the
        values of a voxel.
    grid
        Where the voxels lie, in RAS+ mm or pixels; the file says it in LPS.
    path, repetition
        As of :class:`regkit.io.format.Write`; the extension chooses the format.

    Raises
    ------
    InputError
        If SimpleITK cannot write there.
    ResourceError
        If the disk is full.
    """
    spatial = range(grid.ndim)
    backwards = np.transpose(data, [*reversed(spatial), *range(grid.ndim, data.ndim)])
    vectors = data.ndim > grid.ndim
    image = image_from(np.ascontiguousarray(backwards), grid, vectors=vectors)
    write_with(lambda: simpleitk().WriteImage(image, str(path), False), path, data.nbytes)


def write_with(write: Callable[[], None], path: Path, needed: int) -> None:
    """Call a writer of SimpleITK once there is room for its file, and translate its failure.

    Parameters
    ----------
    write
        Writes the file.
    path
        Where it writes to.
    needed
        Bytes that must be free in the folder of ``path``.

    Raises
    ------
    InputError
        If SimpleITK cannot write there.
    ResourceError
        If fewer than ``needed`` bytes are free. ITK is not let into a full disk: it prints a page
        of diagnostics.
    """
    if free_space(path.parent) < needed:
        raise no_space(path.parent, needed)
    try:
        write()
    except RuntimeError as error:
        if free_space(path.parent) < needed:
            raise no_space(path.parent, needed) from error
        raise InputError(f"{path.name}: cannot be written: {itk_reason(error)}") from error


def verify_itk(data: NDArray[Any], grid: Grid, path: Path, *, kind: str) -> None:
    """Compare a NRRD or MetaImage file with the image that was written into it.

    Parameters
    ----------
    data
        ``(*grid.shape)``, what was written.
    grid
        Where its voxels lie.
    path
        The file.
    kind
        ``"NRRD"`` or ``"MetaImage"``.

    Raises
    ------
    InputError
        If ITK cannot read the file.
    ResourceError
        If the file differs: the disk lost something.
    """
    image = attempt(path, reader_of(path, kind).Execute)
    found = np.transpose(simpleitk().GetArrayViewFromImage(image))
    check_same(path, found, data, grid_from(image).affine, grid)
