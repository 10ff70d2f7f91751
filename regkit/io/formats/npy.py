"""Arrays of NumPy: voxels without a place, which only the user knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.lib import format as numpy_format
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid, World
from regkit.geometry.affines import Matrix
from regkit.io.format import Format, Window
from regkit.io.header import Header
from regkit.io.header_checks import check_claim, check_dims
from regkit.io.lps import lps
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.sizes import product
from regkit.io.spacing import spacing_and_world
from regkit.io.streams import open_stream

_MAGIC = b"\x93NUMPY"
_NPY: Any = numpy_format  # without annotations of its own
_READERS = {(1, 0): _NPY.read_array_header_1_0, (2, 0): _NPY.read_array_header_2_0}
_Layout = tuple[tuple[int, ...], bool, np.dtype[Any], int]


def npy_header(path: Path, options: ReadOptions) -> Header:
    """Check the header of an array; its axes are those of the grid, from an origin at 0.

    They point where ITK has them point, to the left, to the back and up, as those of pictures do;
    with ``assume_ras`` to the right, to the front and up.

    Raises
    ------
    InputError
        If it is no array of real numbers of two or three axes, is cut, or is 3-D with a spacing
        and without the word that its axes are RAS.
    """
    name = display_name(path)
    layout = _layout(path, name)
    shape, _, dtype, start = layout
    if dtype.kind not in "iufb":
        raise InputError(f"{name}: holds {dtype}; allowed: integers, float32, float64")
    if len(shape) not in (2, 3):
        raise InputError(f"{name}: has {len(shape)} dimensions; allowed: 2 or 3")
    check_dims(name, shape)
    found = path.stat().st_size - start
    claimed = product(shape) * dtype.itemsize
    check_claim(name, claimed, found, compressed=False, max_bytes=options.max_bytes)
    spacing, world = spacing_and_world(name, len(shape), None, options)
    if len(shape) == 3 and world == World() and not options.assume_ras:
        raise InputError(
            f"{name}: has no orientation; pass assume_ras=True if its axes point to right, "
            "anterior and superior"
        )
    grid = Grid(shape, _affine(spacing, options), world)
    return Header(
        path,
        name,
        "NumPy",
        grid,
        dtype.name,
        source=layout,
        options=options,
        value_type=_native(dtype).name,
    )


def _affine(spacing: tuple[float, ...], options: ReadOptions) -> Matrix:
    """Where ITK would put the array, as for pictures, unless the user says how its axes point."""
    scale = np.diag([*spacing, 1.0])
    out: Matrix = scale if options.assume_ras else lps(len(spacing)) @ scale
    return out


def read_npy(header: Header, window: Window, level: int) -> NDArray[Any]:
    """Read a window of an array of NumPy.

    Parameters
    ----------
    header, window, level
        As of :attr:`regkit.io.format.Format.read`.

    Returns
    -------
    NDArray
        ``(*window)``, in native byte order; truth values are uint8.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    shape, backwards, dtype, start = cast(_Layout, header.source)
    with open_stream(header.path, header.name, compressed=False) as file:
        file.seek(start)
        content = file.read(product(shape) * dtype.itemsize)
    flat = np.frombuffer(content, dtype)
    found = flat.reshape(shape, order="F" if backwards else "C")[window]
    return found.astype(_native(dtype))


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type in which values are given: numbers for truth values, in native byte order."""
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")


def _layout(path: Path, name: str) -> _Layout:
    """Shape, whether the first axis is fastest, type, and the byte at which the values begin."""
    with open_stream(path, name, compressed=False) as file:
        try:
            version = _NPY.read_magic(file)
            if version not in _READERS:
                raise ValueError(f"version {version}")
            shape, backwards, dtype = _READERS[version](file)
        except Exception as error:  # it parses a dictionary of Python, damaged in any way
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"{name}: its header is damaged ({reason:.80})") from error
        return shape, backwards, dtype, file.tell()


NPY = Format(
    "NumPy", (".npy",), lambda _path, start: start.startswith(_MAGIC), npy_header, read_npy
)
