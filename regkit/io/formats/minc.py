"""MINC 1 and 2, the format of the Montreal Neurological Institute, read by nibabel."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from nibabel.externals.netcdf import netcdf_file
from nibabel.minc1 import Minc1File
from nibabel.minc2 import Minc2File
from numpy.typing import NDArray

from regkit.errors import InputError, require
from regkit.geometry import Grid
from regkit.io.format import Format, Window
from regkit.io.hdf5_links import check_links
from regkit.io.header import Header
from regkit.io.header_checks import check_affine, check_claim, check_shear
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.sizes import product

_NETCDF = (b"CDF\x01", b"CDF\x02")
_VECTORS = "vector_dimension"
_HDF5 = b"\x89HDF\r\n\x1a\n"
# /minc-2.0/image/<level>/<data set>, and the dimensions.
_DEPTH = 5
# Of values that went through the scale of their slice; labels are whole but for that.
_ROUNDING = 1e-3


def minc_header(path: Path, options: ReadOptions) -> Header:
    """Check the header of a MINC file, whose world is RAS+ mm; see :func:`regkit.io.preflight`.

    Raises
    ------
    InputError
        If it is damaged, has neither 3 nor 4 dimensions, claims more than the file holds, or its
        axes are sheared and ``options`` do not allow that.
    """
    name = display_name(path)
    with open_minc(path, name) as file:
        check_no_vectors(file, name)
        shape, affine = tuple(map(int, file.get_data_shape())), np.array(file.get_affine())
        stored = np.dtype(file.get_data_dtype())
    if len(shape) not in (3, 4):
        raise InputError(f"{name}: has {len(shape)} dimensions; allowed: 3 or 4")
    # nibabel has time first, as MINC does.
    frames, spatial = product(shape[:-3]), shape[-3:]
    nbytes, found = product(shape) * 4, path.stat().st_size
    check_claim(name, nbytes, found, compressed=True, max_bytes=options.max_bytes)
    check_affine(name, affine)
    if not options.allow_shear:
        cure = "pass allow_shear=True to have it resampled on a grid at right angles"
        check_shear(name, affine, cure=cure)
    return Header(
        path,
        name,
        "MINC",
        Grid(spatial, affine),
        stored.name,
        frames,
        step=_ROUNDING,
        options=options,
        value_type="float32",
    )


def read_minc(header: Header, window: Window, level: int) -> NDArray[Any]:
    """Read the real values of one frame of a MINC file, which scales them slice by slice.

    Parameters
    ----------
    header, window, level
        As of :attr:`regkit.io.format.Format.read`.

    Returns
    -------
    NDArray
        float32 ``(*window)``.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    with open_minc(header.path, header.name) as file:
        data = np.asarray(file.get_scaled_data())
    frame = data[header.frame] if header.frames > 1 or data.ndim > 3 else data
    return frame[window].astype(np.float32)


def vector_axis(file: Any) -> int | None:
    """Return which axis of an open MINC file lists the components of vectors; None for images."""
    names = [*file._dim_names]  # nibabel has no public word for them
    return names.index(_VECTORS) if _VECTORS in names else None


def check_no_vectors(file: Any, name: str) -> None:
    """Refuse a MINC file of vectors as an image.

    Raises
    ------
    InputError
        If it is one.
    """
    if vector_axis(file) is not None:
        raise InputError(
            f"{name}: holds vectors, not an image; the grid of a transform is read with its .xfm "
            "(`regkit convert-transform`)"
        )


@contextmanager
def open_minc(path: Path, name: str) -> Iterator[Any]:
    """Open a MINC file as nibabel does, and say in one sentence what is wrong with it.

    Parameters
    ----------
    path
        The file.
    name
        What messages call it.

    Yields
    ------
    Minc1File or Minc2File
        What nibabel makes of it.

    Raises
    ------
    InputError
        If it is damaged, also while it is used.
    """
    with path.open("rb") as file:
        second = file.read(len(_HDF5)) == _HDF5
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its advice is for programmers
            with _minc_2(path) if second else _minc_1(path) as found:
                yield found
    except (InputError, MemoryError):
        raise
    except Exception as error:  # whatever its readers stumble over in a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{name}: cannot be read ({reason:.80}); it is damaged") from error


@contextmanager
def _minc_1(path: Path) -> Iterator[Any]:
    # All of it is read anyway, and a length that lies finds no more here than there is.
    with BytesIO(path.read_bytes()) as file, netcdf_file(file) as found:
        # The dimension of vectors is no variable, which nibabel stumbles over.
        found.variables.setdefault(_VECTORS, SimpleNamespace(spacing=b"regular__"))
        yield Minc1File(found)


@contextmanager
def _minc_2(path: Path) -> Iterator[Any]:
    check_links(path, _DEPTH)
    h5py = require("h5py", extra="all")
    with h5py.File(path, "r") as file:
        yield Minc2File(file)


def _sniff(path: Path, start: bytes) -> bool:
    return start.startswith(_NETCDF) or (start.startswith(_HDF5) and path.suffix.lower() == ".mnc")


MINC = Format("MINC", (".mnc",), _sniff, minc_header, read_minc)
