"""MGH and MGZ, the format of FreeSurfer."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from nibabel.freesurfer.mghformat import MGHImage
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix, homogeneous
from regkit.io.format import Format, Window
from regkit.io.header import Header
from regkit.io.header_checks import (
    check_affine,
    check_claim,
    check_dims,
    check_shear,
    check_spacing,
)
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.sizes import product
from regkit.io.stored import read_compressed, read_frames, read_stored
from regkit.io.streams import inside_gzip, open_stream
from regkit.io.voxels import check_same, write_stream

_FIXED = struct.Struct(">7ih15f")
_OFFSET = 284
_TYPES = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2"}
_WRITABLE = {np.dtype(code).name for code in _TYPES.values()}


@dataclass(frozen=True)
class _Layout:
    dtype: np.dtype[np.generic]
    dims: tuple[int, ...]
    compressed: bool

    @property
    def end(self) -> int:
        return _OFFSET + product(self.dims) * self.dtype.itemsize


def mgh_header(path: Path, options: ReadOptions) -> Header:
    """Check the header of an MGH or MGZ file; see :func:`regkit.io.preflight.preflight`.

    Raises
    ------
    InputError
        If it is cut, has no orientation, or claims more than the file holds; or if its type is not
        one of the format.
    """
    name, compressed = display_name(path), inside_gzip(path)
    with open_stream(path, name, compressed=compressed) as file:
        block = file.read(_OFFSET)
    if len(block) < _OFFSET:
        raise InputError(f"{name}: truncated header: {len(block)} of {_OFFSET} bytes")
    _, *dims, kind, _, placed = _FIXED.unpack_from(block)[:8]
    check_dims(name, dims)
    if kind not in _TYPES:
        raise InputError(f"{name}: type {kind} is not supported; allowed: 0, 1, 3 and 4")
    layout = _Layout(np.dtype(_TYPES[kind]), tuple(dims), compressed)
    found = path.stat().st_size
    check_claim(name, layout.end, found, compressed=compressed, max_bytes=options.max_bytes)
    return Header(
        path,
        name,
        "MGH",
        Grid(layout.dims[:3], _affine(name, block, placed, layout.dims, options)),
        layout.dtype.name,
        layout.dims[3],
        repetition=_repetition(path, name, layout) if layout.dims[3] > 1 else None,
        source=layout,
        options=options,
        value_type=layout.dtype.name,
        in_parts=not layout.compressed,
    )


def read_mgh(header: Header, window: Window, level: int) -> NDArray[Any]:
    """Read the voxels of one frame of an MGH or MGZ file.

    Parameters
    ----------
    header, window, level
        As of :attr:`regkit.io.format.Format.read`.

    Raises
    ------
    InputError
        If the data are cut or damaged.
    """
    shape = header.grid.shape
    start = _OFFSET + header.frame * product(shape) * cast(_Layout, header.source).dtype.itemsize
    return _stored(header, shape, start, window)


def read_mgh_series(header: Header) -> Iterator[NDArray[Any]]:
    """Read the voxels ``(*spatial)`` of every frame in turn; a compressed file is read once."""
    layout = cast(_Layout, header.source)
    for frame in read_frames(
        header.path, header.name, layout.dtype, header.grid.shape, _OFFSET,
        count=header.frames, end=layout.end if layout.compressed else None,
    ):  # fmt: skip
        yield frame.astype(frame.dtype.newbyteorder("="), copy=False)


def _stored(header: Header, shape: tuple[int, ...], start: int, window: Window) -> NDArray[Any]:
    layout = cast(_Layout, header.source)
    place = (header.path, header.name, layout.dtype, shape, start)
    if layout.compressed:
        found = read_compressed(*place, end=layout.end)[window]
    else:
        found = read_stored(*place, window=window)
    return found.astype(found.dtype.newbyteorder("="), copy=False)


def check_fits(name: str, grid: Grid, dtype: str | None) -> None:
    """Refuse an image for which MGH has no type, or that is not 3-D.

    Parameters
    ----------
    name
        The file, for messages.
    grid
        Where the image lies.
    dtype
        The type of its voxels, such as ``"float32"``; None where it is not known yet.

    Raises
    ------
    InputError
        If ``dtype`` is not uint8, int16, int32 or float32, or the grid is 2-D.
    """
    if dtype is not None and dtype not in _WRITABLE:
        raise InputError(
            f"{name}: .mgh and .mgz hold {', '.join(sorted(_WRITABLE))}, not {dtype}; write .nii.gz"
        )
    if grid.ndim != 3:
        raise InputError(f"{name}: .mgh and .mgz hold 3-D images; write .nii.gz")


def write_mgh(
    data: NDArray[Any], grid: Grid, path: Path, *, repetition: float | None = None
) -> None:
    """Write an image of one or several frames as MGH or MGZ; :func:`check_fits` comes first.

    Parameters
    ----------
    data
        ``(*grid.shape)``, or ``(*grid.shape, frames)``.
    grid
        Where the voxels lie, in RAS+ mm.
    path
        The file; its content is compressed where the name ends in z.
    repetition
        Seconds from one frame to the next, where they are known.
    """
    image = cast(Any, MGHImage)(data, grid.affine)
    if repetition is not None:
        image.header["tr"] = 1000 * repetition
    write_stream(image.to_stream, path, compressed=path.name.endswith("z"))


def verify_mgh(data: NDArray[Any], grid: Grid, path: Path) -> None:
    """Compare an MGH or MGZ file with the image that was written into it.

    Parameters
    ----------
    data
        ``(*grid.shape)``, or ``(*grid.shape, frames)``.
    grid
        Where its voxels lie, in RAS+ mm.
    path
        The file.

    Raises
    ------
    ResourceError
        If it differs: the disk lost something.
    """
    header = mgh_header(path, ReadOptions(max_bytes=data.nbytes + _OFFSET))
    whole = tuple(slice(0, size) for size in header.grid.shape)
    for number in range(header.frames):
        found = read_mgh(header.of(frame=number, channel=None), whole, 0)
        frame = data if data.ndim == 3 else data[..., number]
        check_same(path, found, frame, header.grid.affine, grid)


def _affine(
    name: str, block: bytes, placed: int, dims: tuple[int, ...], options: ReadOptions
) -> Matrix:
    """Index to RAS+ mm: the directions of the axes, around the position of the middle voxel."""
    numbers = np.array(_FIXED.unpack_from(block)[8:])
    spacing, directions, centre = numbers[:3], numbers[3:12].reshape(3, 3).T, numbers[12:]
    if placed <= 0 and not options.assume_ras:
        # nibabel makes up axes here, and answers 1 when it is asked for the flag.
        raise InputError(
            f"{name}: has no orientation (its good-RAS flag is {placed}); pass assume_ras=True if "
            "its axes point to right, anterior and superior"
        )
    check_spacing(name, spacing.tolist())
    linear = directions * spacing if placed > 0 else np.diag(spacing)
    middle = np.array(dims[:3]) / 2
    affine = homogeneous(linear, centre - linear @ middle if placed > 0 else np.zeros(3))
    check_affine(name, affine)
    if not options.allow_shear:
        cure = "pass allow_shear=True to have it resampled on a grid at right angles"
        check_shear(name, affine, cure=cure)
    return affine


def _repetition(path: Path, name: str, layout: _Layout) -> float | None:
    """Seconds between frames, which lie behind the voxels in milliseconds, if at all."""
    with open_stream(path, name, compressed=layout.compressed) as file:
        file.seek(layout.end)
        tail = file.read(4)
    step = struct.unpack(">f", tail)[0] if len(tail) == 4 else 0.0
    return step / 1000 if 0 < step < float("inf") else None


def _sniff(path: Path, start: bytes) -> bool:
    if len(start) < 30 or start[:4] != b"\0\0\0\1":
        return False
    *dims, kind = struct.unpack_from(">5i", start, 4)
    return all(abs(size) < 1 << 24 for size in dims) and 0 <= kind < 16


MGH = Format(
    "MGH",
    (".mgh", ".mgz"),
    _sniff,
    mgh_header,
    read_mgh,
    write_mgh,
    verify_mgh,
    writable=(".mgh", ".mgz"),
    gzipped=(".mgz",),
    fits=check_fits,
    series=True,
    read_series=read_mgh_series,
)
