"""Voxels as files keep them: first axis fastest, in a type that the formats know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from isal import igzip
from numpy.typing import NDArray

from regkit.errors import ResourceError
from regkit.geometry import Grid, World
from regkit.geometry.affines import Matrix
from regkit.io.header_checks import check_affine, check_shear
from regkit.volume.volume import Volume

_STORED = {torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.bool: torch.uint8}


def array_of(volume: Volume) -> NDArray[Any]:
    """Give the voxels of a volume as files keep them, ``(*spatial)`` with the first axis fastest.

    Several channels are the last axis, ``(*spatial, C)``.

    Raises
    ------
    InputError
        If the grid is sheared.
    """
    name = volume.name or "volume"
    if volume.grid.world == World():  # elsewhere no spacing is implausible
        check_affine(name, volume.grid.affine)
    check_shear(name, volume.grid.affine, cure="warp it onto grid.straightened()")
    data = storable(volume.data)
    last = data[0] if len(data) == 1 else data.movedim(0, -1)
    backwards = tuple(reversed(range(last.ndim)))
    return np.transpose(last.permute(backwards).contiguous().numpy())


def write_stream(write: Callable[[Any], object], path: Path, *, compressed: bool) -> None:
    """Write a new file, through gzip where it is to be compressed.

    No time and no name enter the gzip header: the bytes depend on the content alone.

    Parameters
    ----------
    write
        Called with the open binary file, or the gzip stream into it, which it fills.
    path
        The file to make; one that is there is replaced.
    compressed
        Whether the content goes through gzip, at level 1.
    """
    with path.open("wb") as file:
        if not compressed:
            write(file)
            return
        # Level 1: noise hardly shrinks further, and higher ones take longer.
        with igzip.IGzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as stream:
            write(stream)


def mark_padding(volume: Volume, padding: float | None) -> Volume:
    """Mark the padding of an image as no data, where a value of padding is given."""
    return volume if padding is None else volume.with_padding(padding)


def storable(data: torch.Tensor) -> torch.Tensor:
    """Move voxels of any shape to the CPU, in a type that the formats know."""
    return data.detach().cpu().to(_STORED.get(data.dtype, data.dtype))


def stored_type(dtype: torch.dtype) -> str:
    """The NumPy name of the type in which voxels of a type are stored."""
    return str(_STORED.get(dtype, dtype)).removeprefix("torch.")


def check_same(
    path: Path, found: NDArray[Any], data: NDArray[Any], affine: Matrix, grid: Grid
) -> None:
    """Compare the voxels and the grid that a file holds with what was written into it.

    Parameters
    ----------
    path
        The file, for messages.
    found
        The voxels that were read back, ``(*grid.shape)`` or with frames or channels last.
    data
        Those that were written, of the same shape and type.
    affine
        The affine ``(d + 1, d + 1)`` that was read back, index to world.
    grid
        The grid that was written; it may be off by a thousandth of a voxel.

    Raises
    ------
    ResourceError
        If a voxel or the grid differs: the disk lost something.
    """
    moved = np.abs(affine - grid.affine).max()
    if not _equal(found, data) or moved > 1e-3 * max(grid.spacing):
        raise read_back_error(path)


def read_back_error(path: Path) -> ResourceError:
    """Make the error for a file that does not hold what was written into it."""
    return ResourceError(
        f"{path.name}: reads back differently from what was written; check the disk"
    )


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    # As whole numbers, because NaN is not equal to itself.
    bits = f"u{other.dtype.itemsize}"
    return (
        one.dtype == other.dtype
        and one.shape == other.shape
        and np.array_equal(one.view(bits), other.view(bits))
    )
