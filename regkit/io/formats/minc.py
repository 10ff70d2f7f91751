"""MINC 1 and 2, the format of the Montreal Neurological Institute, read by nibabel."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.format import Format, Window
from regkit.io.hdf5_links import check_links
from regkit.io.header import Header
from regkit.io.header_checks import check_affine, check_claim, check_shear
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.sizes import product

_NETCDF = (b"CDF\x01", b"CDF\x02")
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
    with _image(path, name) as image:
        shape, affine = tuple(int(n) for n in image.shape), np.array(image.affine, np.float64)
        stored = np.dtype(image.get_data_dtype())
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
    header
        As :func:`minc_header` returned it, with the frame chosen.
    window
        A slice of indices for every axis.
    level
        Always 0: the format has one level of resolution.

    Returns
    -------
    NDArray
        float32 ``(*window)``.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    with _image(header.path, header.name) as image:
        data = np.asarray(image.dataobj)
    frame = data[header.frame] if header.frames > 1 or data.ndim > 3 else data
    return frame[window].astype(np.float32)


@contextmanager
def _image(path: Path, name: str) -> Iterator[Any]:
    """The file as nibabel opens it, and what is wrong with it in one sentence."""
    with path.open("rb") as file:
        second = file.read(len(_HDF5)) == _HDF5
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its advice is for programmers
            if second:
                check_links(path, _DEPTH)
            yield (nib.Minc2Image if second else nib.Minc1Image).from_filename(path)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # whatever its readers stumble over in a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{name}: cannot be read ({reason:.80}); it is damaged") from error


def _sniff(path: Path, start: bytes) -> bool:
    return start.startswith(_NETCDF) or (start.startswith(_HDF5) and path.suffix.lower() == ".mnc")


MINC = Format("MINC", (".mnc",), _sniff, minc_header, read_minc)
