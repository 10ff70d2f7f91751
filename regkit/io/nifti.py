"""Voxels of NIfTI files, in and out, by nibabel alone."""

from __future__ import annotations

import gzip
from io import BufferedIOBase
from pathlib import Path
from typing import Any, cast

import nibabel as nib
import numpy as np
import torch
from nibabel.volumeutils import array_from_file
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.header import Header, Layout, finite, known_voxels, product, torch_type
from regkit.io.nifti_geometry import NIFTI_UNITS, lifted, plane
from regkit.io.nifti_header import layout_of, raw_header
from regkit.io.streams import opened
from regkit.io.voxels import check_same
from regkit.volume.volume import Volume

_CHUNK = 1 << 20
# Bytes after the voxels that are drained before the file is called wrong.
_MAX_TAIL = 1 << 24
_NIFTI1_LARGEST = 32767
# nibabel's own annotations stop short of its images.
_IMAGES: tuple[Any, Any] = (nib.Nifti1Image, nib.Nifti2Image)


def read_nifti(header: Header, *, nan: float | None = None) -> Volume:
    """Read the voxels of a file that passed the preflight.

    Without scaling they keep their stored type (wide unsigned types become the next signed
    one), else they are float32.

    Raises
    ------
    InputError
        If the data are cut or damaged, not finite, or overflow when scaled.
    """
    layout = cast(Layout, header.layout)
    found = frame_of(header, layout)
    data, valid = finite(header.name, found, nan), known_voxels(found, nan)
    if layout.slope is not None:
        data = _scaled(data, layout.slope, layout.inter, header.name)
    native = data.astype(torch_type(header.name, data), order="C", copy=False)
    return Volume(torch.from_numpy(native), header.grid, header.name, valid)


def frame_of(header: Header, layout: Layout) -> NDArray[np.generic]:
    """Stored values of one frame and channel, ``(*spatial)``, in native byte order, C's memory."""
    shape = header.grid.shape
    start = layout.offset + header.frame * product(shape) * layout.dtype.itemsize
    data: NDArray[Any] = stored(header.path, header.name, layout, shape, start)
    if layout.dtype.names is not None:
        data = data[layout.dtype.names[header.channel]]
    return data.astype(data.dtype.newbyteorder("="), order="C", copy=False)


def stored(
    path: Path, name: str, layout: Layout, shape: tuple[int, ...], start: int
) -> NDArray[np.generic]:
    """An array as it lies in the file, first axis fastest; a gzip stream is read to its end.

    nibabel stops where the voxels end and never sees the checksum, so that a flipped bit would
    pass; draining the stream is what verifies it.

    Raises
    ------
    InputError
        If the data end early, or the compressed stream is damaged.
    """
    with opened(path, name, compressed=layout.compressed) as file:
        data = array_from_file(shape, layout.dtype, file, start, order="F", mmap=False)
        if layout.compressed:
            _drain(file, name, layout.offset + layout.nbytes + _MAX_TAIL)
    return data


def write_image(
    data: NDArray[Any],
    grid: Grid,
    path: Path,
    *,
    intent: int | None = None,
    repetition: float | None = None,
) -> None:
    """Write an array whose first axes are those of ``grid``; sform and qform are both set.

    It is NIfTI-1, or NIfTI-2 where an axis is too long for that. The bytes depend on the
    arguments alone: no time and no name enter the gzip header. ``repetition`` is the seconds
    between the frames of a 4-D array.
    """
    affine = lifted(grid)
    large = max(data.shape) > _NIFTI1_LARGEST
    image = _IMAGES[large](data, affine, dtype=data.dtype)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    unit = NIFTI_UNITS.get(grid.world.unit, "unknown")
    image.header.set_xyzt_units(unit, None if repetition is None else "sec")
    if repetition is not None:
        image.header["pixdim"][4] = repetition
    if intent is not None:
        image.header.set_intent(intent)
    with path.open("wb") as file:
        if path.name.endswith(".gz"):
            # Level 1: noise hardly shrinks further, and level 6 takes four times as long.
            with gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as stream:
                image.to_stream(stream)
        else:
            image.to_stream(file)


def verify_image(data: NDArray[Any], grid: Grid, path: Path) -> None:
    """Compare a file with the array and grid that it was written from.

    Raises
    ------
    ResourceError
        If it differs: the disk lost something.
    """
    compressed = path.name.endswith(".gz")
    header: Any = raw_header(path, compressed=compressed)
    layout = layout_of(header, path, compressed=compressed, max_bytes=data.nbytes + 4096)
    found = stored(path, path.name, layout, layout.dims, layout.offset)
    affine = np.array(header.get_sform(), dtype=np.float64)
    check_same(path, found, data, affine if grid.ndim == 3 else plane(affine), grid)


def _scaled(data: NDArray[Any], slope: float, inter: float, name: str) -> NDArray[np.generic]:
    with np.errstate(over="ignore", invalid="ignore"):
        wide = np.multiply(data, slope, dtype=np.float64)
        wide += inter
        narrow: NDArray[np.generic] = wide.astype(np.float32)
    if not (np.isfinite(narrow.min()) and np.isfinite(narrow.max())):
        raise InputError(
            f"{name}: scaling by slope {slope:g} and intercept {inter:g} overflows float32; "
            "fix scl_slope and scl_inter"
        )
    return narrow


def _drain(file: BufferedIOBase, name: str, most: int) -> None:
    while file.read(_CHUNK):
        if file.tell() > most:
            raise InputError(
                f"{name}: holds more than {_MAX_TAIL} bytes after its voxels; it is not what its "
                "header says"
            )
