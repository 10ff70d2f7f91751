"""Pictures out, where they can hold an image: its type, and its place, which is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError, require
from regkit.geometry import Grid, World
from regkit.io.formats.picture.opened import picture_header, read_picture
from regkit.io.lps import lps
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.voxels import check_same

_CENTIMETRE = 3
_COLOURS = (2, 3, 4)
# int32 is what uint16 is read into; the values decide whether it can be that again.
_PNG_TYPES = ("uint8", "uint16", "int32")
_TIFF_TYPES = (*_PNG_TYPES, "float32")


def fits_png(name: str, grid: Grid, dtype: str | None) -> None:
    """Refuse an image that PNG cannot hold: only whole numbers in 2-D, and no place at all.

    Parameters
    ----------
    name
        The file, for messages.
    grid
        Where the image lies; only pixels from an origin at 0 are held.
    dtype
        The type of its voxels, such as ``"uint8"``; None where it is not known yet.

    Raises
    ------
    InputError
        If the type does not fit, the image is 3-D, or its place would be lost.
    """
    _check_type(name, dtype, _PNG_TYPES)
    if grid.ndim != 2:
        raise InputError(f"{name}: .png holds 2-D images; write .tif or .nii.gz")
    _check_place(name, grid, World.pixels())


def fits_tiff(name: str, grid: Grid, dtype: str | None) -> None:
    """Refuse an image that TIFF cannot hold: it keeps a spacing, and no further place.

    Parameters
    ----------
    name
        The file, for messages.
    grid
        Where the image lies; an origin or a direction of its own is not held.
    dtype
        The type of its voxels, such as ``"float32"``; None where it is not known yet.

    Raises
    ------
    InputError
        If the type does not fit, or the place of the image would be lost.
    """
    _check_type(name, dtype, _TIFF_TYPES)
    _check_place(name, grid, grid.world)


def write_png(
    data: NDArray[Any], grid: Grid, path: Path, *, repetition: float | None = None
) -> None:
    """Write a 2-D image of whole numbers, 0 to 65535, as PNG.

    Parameters
    ----------
    data
        ``(columns, rows)``, of uint8, uint16 or int32.
    grid
        Unused: PNG holds no place; :func:`fits_png` refuses one that would be lost.
    path, repetition
        As of :class:`regkit.io.format.Write`; there is one frame.

    Raises
    ------
    InputError
        If a value is negative or above 65535.
    """
    narrow = _narrowed(data)
    if narrow.dtype == np.int32:
        raise InputError(
            f"{display_name(path)}: .png holds 0 to 65535, and the image {data.min()} to "
            f"{data.max()}; write .tif or .nii.gz"
        )
    require("PIL.Image", extra="all").fromarray(narrow.T).save(path, format="PNG")


def write_tiff(
    data: NDArray[Any], grid: Grid, path: Path, *, repetition: float | None = None
) -> None:
    """Write an image as a TIFF picture or a stack of pages, with the size of its pixels.

    Parameters
    ----------
    data
        ``(columns, rows)``, or ``(columns, rows, pages)``.
    grid
        Its spacing is written, unless it is in pixels.
    path, repetition
        As of :class:`regkit.io.format.Write`; there is one frame.
    """
    images = require("PIL.Image", extra="all")
    sheets = np.atleast_3d(_narrowed(data)).T
    first, *others = [images.fromarray(np.ascontiguousarray(sheet)) for sheet in sheets]
    first.save(path, format="TIFF", save_all=True, append_images=others, **_tags(grid))


def write_png_channels(
    data: NDArray[Any], grid: Grid, path: Path, *, repetition: float | None = None
) -> None:
    """Write a 2-D image of grey and alpha, RGB or RGBA as PNG.

    Parameters
    ----------
    data
        ``(columns, rows, C)``, two to four channels of uint8.
    grid
        Unused: PNG holds no place; :func:`fits_png` refuses one that would be lost.
    path, repetition
        As of :class:`regkit.io.format.Write`; there is one frame.

    Raises
    ------
    InputError
        If the values are of another type, or there are more channels.
    """
    _check_colours(path, data)
    pixels = np.ascontiguousarray(data.transpose(1, 0, 2))
    require("PIL.Image", extra="all").fromarray(pixels).save(path, format="PNG")


def write_tiff_channels(
    data: NDArray[Any], grid: Grid, path: Path, *, repetition: float | None = None
) -> None:
    """Write an image of grey and alpha, RGB or RGBA as a TIFF picture or a stack of pages.

    Parameters
    ----------
    data
        ``(columns, rows, C)`` or ``(columns, rows, pages, C)``, two to four channels of uint8.
    grid
        Its spacing is written, unless it is in pixels.
    path, repetition
        As of :class:`regkit.io.format.Write`; there is one frame.

    Raises
    ------
    InputError
        As :func:`write_png_channels`.
    """
    _check_colours(path, data)
    images = require("PIL.Image", extra="all")
    pages = data[:, :, None] if grid.ndim == 2 else data
    sheets = np.ascontiguousarray(pages.transpose(2, 1, 0, 3))
    first, *others = [images.fromarray(sheet) for sheet in sheets]
    first.save(path, format="TIFF", save_all=True, append_images=others, **_tags(grid))


def _check_colours(path: Path, data: NDArray[Any]) -> None:
    if data.dtype != np.uint8 or data.shape[-1] not in _COLOURS:
        raise InputError(
            f"{display_name(path)}: a picture holds 2, 3 or 4 channels of uint8 (grey and alpha, "
            f"RGB, RGBA), not {data.shape[-1]} of {data.dtype}; write .nii.gz or .nrrd"
        )


def verify_picture(data: NDArray[Any], grid: Grid, path: Path, *, kind: str) -> None:
    """Compare a picture with the image that was written into it.

    Parameters
    ----------
    data
        ``(columns, rows)``, or ``(columns, rows, pages)``.
    grid
        Where its pixels lie.
    path
        The file.
    kind
        ``"PNG"`` or ``"TIFF"``.

    Raises
    ------
    ResourceError
        If it differs: the disk lost something.
    """
    header = picture_header(path, ReadOptions(max_bytes=data.nbytes + 1), kind=kind)
    found = read_picture(header, tuple(slice(0, size) for size in header.grid.shape), 0)
    check_same(path, found.astype(data.dtype), data, header.grid.affine, grid)


def _narrowed(data: NDArray[Any]) -> NDArray[Any]:
    """int32 that came of uint16 as that again, where every value allows it."""
    most = np.iinfo(np.uint16).max
    if data.dtype == np.int32 and data.min() >= 0 and data.max() <= most:
        return data.astype(np.uint16)
    return data


def _check_type(name: str, dtype: str | None, types: tuple[str, ...]) -> None:
    if dtype is not None and dtype not in types:
        raise InputError(
            f"{name}: a picture like this holds {', '.join(types)}, not {dtype}; write .nii.gz"
        )


def _check_place(name: str, grid: Grid, world: World) -> None:
    """Refuse a grid that is another one when it is read again: a pixel is one pixel large."""
    spacing = (1.0,) * grid.ndim if world == World.pixels() else grid.spacing
    held = lps(grid.ndim) @ np.diag([*spacing, 1.0])
    if grid.world != world or np.abs(held - grid.affine).max() > 1e-6 * max(grid.spacing):
        raise InputError(
            f"{name}: a picture holds no origin and orientation, .png no spacing either, and this "
            "image has them; write .nii.gz"
        )


def _tags(grid: Grid) -> dict[str, Any]:
    """Pixels a centimetre, and ImageJ's word for the distance of pages; nothing of mere pixels."""
    if grid.world == World.pixels():
        return {}
    across, down = (10 / size for size in grid.spacing[:2])
    tags: dict[str, Any] = {"x_resolution": across, "y_resolution": down}
    tags["resolution_unit"] = _CENTIMETRE
    if grid.ndim == 3:
        tags["description"] = f"ImageJ=1.53\nspacing={grid.spacing[2] / 10!r}\nunit=cm\n"
    return tags
