"""Voxels of NIfTI files, in and out, by nibabel alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.format import Window
from regkit.io.formats.nifti.geometry import NIFTI_UNITS, lift_affine, plane
from regkit.io.formats.nifti.header import Layout, layout_of, raw_header
from regkit.io.formats.nifti.warps import Intent
from regkit.io.header import Header
from regkit.io.sizes import product
from regkit.io.stored import read_compressed, read_frames, read_stored
from regkit.io.voxels import check_same, write_stream

_NIFTI1_LARGEST = 32767
# nibabel's own annotations stop short of its images.
_IMAGES: tuple[Any, Any] = (nib.Nifti1Image, nib.Nifti2Image)


def read_nifti(header: Header, window: Window, level: int) -> NDArray[Any]:
    """Read the values of one frame and channel of a NIfTI file.

    Parameters
    ----------
    header, window, level
        As of :attr:`regkit.io.format.Format.read`.

    Returns
    -------
    NDArray
        ``(*window)`` in native byte order; float32 where the file scales its values.

    Raises
    ------
    InputError
        If the data are cut or damaged, or overflow when scaled.
    """
    layout, shape = cast(Layout, header.source), header.grid.shape
    start = _start(header, layout, header.frame)
    return _values(header, read_layout(header.path, header.name, layout, shape, start, window))


def read_nifti_series(header: Header) -> Iterator[NDArray[Any]]:
    """Read every frame of one channel in turn, ``(*spatial)`` each; a compressed file is read once.

    Raises
    ------
    InputError
        As :func:`read_nifti`.
    """
    layout = cast(Layout, header.source)
    for frame in read_frames(
        header.path, header.name, layout.dtype, header.grid.shape, _start(header, layout, 0),
        count=header.frames, end=layout.offset + layout.nbytes if layout.compressed else None,
    ):  # fmt: skip
        yield _values(header, frame)


def _start(header: Header, layout: Layout, frame: int) -> int:
    """Byte at which a frame begins; colours of a voxel lie side by side, other channels apart."""
    number = frame if layout.dtype.names else frame + header.frames * header.channel
    return layout.offset + number * product(header.grid.shape) * layout.dtype.itemsize


def _values(header: Header, data: NDArray[Any]) -> NDArray[Any]:
    layout = cast(Layout, header.source)
    one = data[layout.dtype.names[header.channel]] if layout.dtype.names else data
    native = one.astype(one.dtype.newbyteorder("="), order="C", copy=False)
    if layout.slope is None:
        return native
    return _scaled(native, layout.slope, layout.inter, header.name)


def read_layout(
    path: Path,
    name: str,
    layout: Layout,
    shape: tuple[int, ...],
    start: int,
    window: Window | None = None,
) -> NDArray[Any]:
    """Read stored values from a NIfTI file, neither scaled nor turned into native byte order.

    Parameters
    ----------
    path
        The file.
    name
        What messages call it.
    layout
        Where its voxels are, their type, and whether they are compressed.
    shape
        The shape of the array to read; its first axis is fastest.
    start
        The byte at which it begins, once decompressed.
    window
        A slice of indices for every axis; everything when left out.

    Returns
    -------
    NDArray
        The window, in the type of ``layout``.

    Raises
    ------
    InputError
        If the data end early, or the compressed stream is damaged.
    """
    if not layout.compressed:
        return read_stored(path, name, layout.dtype, shape, start, window=window)
    end = layout.offset + layout.nbytes
    whole = read_compressed(path, name, layout.dtype, shape, start, end=end)
    return whole if window is None else whole[window]


def write_image(
    data: NDArray[Any],
    grid: Grid,
    path: Path,
    *,
    intent: Intent | None = None,
    repetition: float | None = None,
) -> None:
    """Write an array as NIfTI, with its affine in both sform and qform.

    It is NIfTI-1, or NIfTI-2 where an axis is too long for that. The bytes depend on the arguments
    alone: no time and no name enter the gzip header.

    Parameters
    ----------
    data
        ``(*grid.shape)``, or with further axes behind those of the grid, such as frames.
    grid
        Where the voxels lie; the unit of its world is written where NIfTI knows it.
    path
        The file; its content is compressed where the name ends in .gz.
    intent
        What the values mean, such as vectors.
    repetition
        Seconds from one frame of a 4-D array to the next, where they are known.
    """
    image = nifti_image(data, grid, repetition)
    if intent is not None:
        image.header["intent_code"], image.header["intent_name"] = intent.code, intent.name
        image.header["intent_p1"] = intent.parameter
    write_stream(image.to_stream, path, compressed=path.name.endswith(".gz"))


def nifti_image(data: NDArray[Any], grid: Grid, repetition: float | None = None) -> Any:
    """Make the image of nibabel that holds an array, with its affine in both sform and qform.

    Parameters
    ----------
    data
        ``(*grid.shape)``, or with further axes behind those of the grid.
    grid
        Where the voxels lie.
    repetition
        Seconds from one frame of a 4-D array to the next, where they are known.
    """
    affine = lift_affine(grid)
    large = max(data.shape) > _NIFTI1_LARGEST
    image = _IMAGES[large](data, affine, dtype=data.dtype)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    unit = NIFTI_UNITS.get(grid.world.unit, "unknown")
    image.header.set_xyzt_units(unit, None if repetition is None else "sec")
    if repetition is not None:
        image.header["pixdim"][4] = repetition
    return image


def write_frames(
    data: NDArray[Any], grid: Grid, path: Path, *, repetition: float | None = None
) -> None:
    """Write one image, or the frames of a series along the fourth axis, as NIfTI.

    Parameters
    ----------
    data
        ``(*grid.shape)`` or ``(*grid.shape, frames)``.
    grid
        Where the voxels lie.
    path
        The file; its content is compressed where the name ends in .gz.
    repetition
        Seconds from frame to frame, where they are known.
    """
    write_image(_with_slices(data, grid), grid, path, repetition=repetition)


def verify_frames(data: NDArray[Any], grid: Grid, path: Path) -> None:
    """Compare a file with the array and grid that :func:`write_frames` wrote.

    Parameters
    ----------
    data
        ``(*grid.shape)`` or ``(*grid.shape, frames)``.
    grid
        Where its voxels lie.
    path
        The file.

    Raises
    ------
    ResourceError
        If it differs: the disk lost something.
    """
    verify_image(_with_slices(data, grid), grid, path)


def write_channels(
    data: NDArray[Any], grid: Grid, path: Path, *, repetition: float | None = None
) -> None:
    """Write an image of several channels as NIfTI: as colours, or along the fifth axis.

    They are colours where they are three or four of uint8.

    Parameters
    ----------
    data
        ``(*grid.shape, C)`` or ``(*grid.shape, frames, C)``.
    grid
        Where the voxels lie.
    path
        The file; its content is compressed where the name ends in .gz.
    repetition
        Seconds from frame to frame, where they are known.
    """
    colours = "RGBA"[: data.shape[-1]]
    if data.dtype == np.uint8 and len(colours) == data.shape[-1] > 2:
        pixels = np.ascontiguousarray(data).view([(letter, "u1") for letter in colours])[..., 0]
        write_frames(pixels, grid, path, repetition=repetition)
        return
    frames = data if data.ndim > grid.ndim + 1 else data[..., None, :]
    write_frames(frames, grid, path, repetition=repetition)


def _with_slices(data: NDArray[Any], grid: Grid) -> NDArray[Any]:
    """Give a series in a plane its axis of one slice: frames are what the fourth axis lists."""
    if data.ndim == grid.ndim:
        return data
    spatial, rest = data.shape[: grid.ndim], data.shape[grid.ndim :]
    return data.reshape(*spatial, *[1] * (3 - grid.ndim), *rest, order="F")


def verify_image(data: NDArray[Any], grid: Grid, path: Path) -> None:
    """Compare a NIfTI file with the array and grid that were written into it.

    Parameters
    ----------
    data
        What was written, ``(*grid.shape)`` or with further axes behind.
    grid
        Where its voxels lie.
    path
        The file.

    Raises
    ------
    ResourceError
        If it differs: the disk lost something.
    """
    compressed = path.name.endswith(".gz")
    header: Any = raw_header(path, compressed=compressed)
    layout = layout_of(header, path, compressed=compressed, max_bytes=data.nbytes + 4096)
    found = read_layout(path, path.name, layout, layout.dims, layout.offset)
    affine = np.array(header.get_sform(), dtype=np.float64)
    check_same(path, found, data, affine if grid.ndim == 3 else plane(affine), grid)


def _scaled(data: NDArray[Any], slope: float, inter: float, name: str) -> NDArray[Any]:
    with np.errstate(over="ignore", invalid="ignore"):
        wide = np.multiply(data, slope, dtype=np.float64)
        wide += inter
        narrow: NDArray[Any] = wide.astype(np.float32)
    lost = ~np.isfinite(narrow)
    if lost.any() and np.isfinite(data[lost]).any():
        raise InputError(
            f"{name}: scaling by slope {slope:g} and intercept {inter:g} overflows float32; "
            "fix scl_slope and scl_inter"
        )
    return narrow
