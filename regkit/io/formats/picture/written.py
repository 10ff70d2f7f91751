"""Pictures out, where they can hold an image: its type, and its place, which is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError, require
from regkit.geometry import Grid
from regkit.io.formats.picture.opened import picture_header, read_picture
from regkit.io.lps import lps
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.voxels import check_same

_PNG_TYPES = ("uint8", "uint16")
_TIFF_TYPES = ("uint8", "uint16", "int32", "float32")
_CENTIMETRE = 3


def write_png(
    data: NDArray[Any], grid: Grid, path: Path, *, repetition: float | None = None
) -> None:
    """Write a 2-D array of whole numbers whose pixels have the size 1.

    Raises
    ------
    InputError
        If the file would not hold its type, its size or its place.
    """
    name = display_name(path)
    narrow = _narrowed(name, ".png", data, _PNG_TYPES)
    _check_place(name, grid, spaced=False)
    if grid.ndim != 2:
        raise InputError(f"{name}: .png holds 2-D images; write .tif or .nii.gz")
    require("PIL.Image", extra="all").fromarray(narrow.T).save(path, format="PNG")


def write_tiff(
    data: NDArray[Any], grid: Grid, path: Path, *, repetition: float | None = None
) -> None:
    """Write a picture or a stack of pages, with the size of its pixels.

    Raises
    ------
    InputError
        If the file would not hold its type or its place.
    """
    name = display_name(path)
    narrow = _narrowed(name, ".tif", data, _TIFF_TYPES)
    _check_place(name, grid, spaced=True)
    images = require("PIL.Image", extra="all")
    pages = [images.fromarray(np.ascontiguousarray(page)) for page in np.atleast_3d(narrow).T]
    first, *others = pages
    first.save(path, format="TIFF", save_all=True, append_images=others, **_tags(grid))


def verify_picture(data: NDArray[Any], grid: Grid, path: Path, *, kind: str) -> None:
    """Compare a file with what was written into it.

    Raises
    ------
    ResourceError
        If it differs: the disk lost something.
    """
    header = picture_header(path, ReadOptions(max_bytes=data.nbytes + 1), kind=kind)
    found = read_picture(header, tuple(slice(0, size) for size in header.grid.shape), 0)
    check_same(path, found.astype(data.dtype), data, header.grid.affine, grid)


def _narrowed(name: str, suffix: str, data: NDArray[Any], types: tuple[str, ...]) -> NDArray[Any]:
    """The array in a type that the format has: int32 that came of uint16 becomes that again."""
    if data.dtype.name in types and data.dtype.name != "int32":
        return data
    low, high = int(data.min()) if data.dtype.kind in "iu" else -1, data.max()
    if data.dtype.kind in "iu" and low >= 0 and high <= np.iinfo(np.uint16).max:
        return data.astype(np.uint16)
    if data.dtype.name in types:
        return data
    raise InputError(
        f"{name}: {suffix} holds {', '.join(types)}, not {data.dtype} from {data.min():g} to "
        f"{high:g}; write .nii.gz"
    )


def _check_place(name: str, grid: Grid, *, spaced: bool) -> None:
    """Refuse a grid that is another one when it is read again."""
    size = grid.spacing if spaced else (1.0,) * grid.ndim
    held = lps(grid.ndim) @ np.diag([*size, 1.0])
    if np.abs(held - grid.affine).max() > 1e-6 * max(grid.spacing):
        what = "origin and orientation" if spaced else "origin, orientation and spacing"
        raise InputError(
            f"{name}: a picture holds no {what}, and this image has one; write .nii.gz"
        )


def _tags(grid: Grid) -> dict[str, Any]:
    """Pixels a centimetre, and ImageJ's word for the distance of pages."""
    if set(grid.spacing) == {1.0}:
        return {}
    across, down = (10 / size for size in grid.spacing[:2])
    tags: dict[str, Any] = {"x_resolution": across, "y_resolution": down}
    tags["resolution_unit"] = _CENTIMETRE
    if grid.ndim == 3:
        tags["description"] = f"ImageJ=1.53\nspacing={grid.spacing[2] / 10!r}\nunit=cm\n"
    return tags
