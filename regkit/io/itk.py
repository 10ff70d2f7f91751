"""NRRD and MetaImage, in, by SimpleITK. A NIfTI file never comes here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError, require
from regkit.geometry import Grid
from regkit.io.format import Window
from regkit.io.header import Header
from regkit.io.header_checks import (
    check_affine,
    check_claim,
    check_dims,
    check_shear,
    check_spacing,
)
from regkit.io.inflate import inflate
from regkit.io.lps import ItkGeometry, from_itk, lps, to_itk
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.sizes import product
from regkit.io.stored import read_stored
from regkit.io.text_header import TextHeader

_OBJECT = re.compile(r"(ITK ERROR: )?\w+\((0x)?[0-9A-Fa-f]{6,}\):? *")
_IMAGE_IO = {"NRRD": "NrrdImageIO", "MetaImage": "MetaImageIO"}


def simpleitk() -> ModuleType:
    """Import SimpleITK, which happens when a format of ITK is first touched."""
    return require("SimpleITK", extra="all")


def itk_header(
    path: Path, options: ReadOptions, *, kind: str, parse: Callable[[Path], TextHeader]
) -> Header:
    """Check the header of a NRRD or MetaImage file; see :func:`regkit.io.preflight.preflight`.

    Parameters
    ----------
    path
        The file with the header; its voxels may lie beside it.
    options
        What the user allows, such as ``assume_ras``, and the bound on its size.
    kind
        ``"NRRD"`` or ``"MetaImage"``.
    parse
        Reads and checks the text of the header before ITK sees the file.

    Raises
    ------
    InputError
        If the header is damaged, not what ITK takes it for, has no orientation, or claims more than
        the file holds.
    """
    name = display_name(path)
    text = parse(path)
    _check_text(name, text, options.max_bytes)
    reader = reader_of(path, kind)
    attempt(path, reader.ReadImageInformation)
    stored = simpleitk().GetPixelIDValueAsString(reader.GetPixelID())
    _check_agreement(name, reader, text, stored)
    return Header(
        path,
        name,
        kind,
        _grid(name, reader, text, options),
        stored,
        product(text.dims[3:4]),
        channels=text.channels,
        source=text,
        options=options,
        value_type=text.dtype.name,
        beside=(text.data_file,),
        in_parts=not text.compressed and text.listed is None,
    )


def read_itk(header: Header, window: Window, level: int) -> NDArray[Any]:
    """Read the voxels of one frame and channel of a NRRD or MetaImage file.

    Parameters
    ----------
    header, window, level
        As of :attr:`regkit.io.format.Format.read`.

    Raises
    ------
    InputError
        If the data are cut or damaged.
    """
    text, shape = cast(TextHeader, header.source), header.grid.shape
    if text.compressed or text.listed is not None:
        found = _all_stored(header, text)[window]
    else:
        start = text.data_start + header.frame * product(shape) * text.dtype.itemsize
        found = read_stored(text.data_file, header.name, text.dtype, shape, start, window=window)
    return found.astype(found.dtype.newbyteorder("="), copy=False)


def _all_stored(header: Header, text: TextHeader) -> NDArray[Any]:
    """The frame and channel of a header, taken out of everything that is stored."""
    if text.compressed:
        flat = np.frombuffer(inflate(header.name, text), text.dtype)
        whole = flat.reshape(text.sizes, order="F")
    else:
        whole = read_stored(text.data_file, header.name, text.dtype, text.sizes, text.data_start)
    if text.listed is not None:
        whole = whole.take(header.channel, axis=text.listed)
    return whole[..., header.frame] if len(text.dims) > 3 else whole


def image_from(data: NDArray[Any], grid: Grid, *, vectors: bool = False) -> Any:
    """Make an image of SimpleITK from an array and a grid.

    Parameters
    ----------
    data
        Voxels with the last axis of the grid first, ``(*reversed(grid.shape))``, as NumPy sees
        those of ITK; with ``vectors`` a last axis lists the values of a voxel.
    grid
        Where they lie; its RAS+ world becomes ITK's LPS.
    vectors
        Whether a voxel has several values.
    """
    image = simpleitk().GetImageFromArray(data, isVector=vectors)
    place = to_itk(grid)
    image.SetSpacing(place.spacing)
    image.SetOrigin(place.origin)
    image.SetDirection(place.direction)
    return image


def grid_from(image: Any) -> Grid:
    """Return the grid of an image of SimpleITK, in RAS+ mm."""
    place = ItkGeometry(image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    return from_itk(image.GetSize(), place)


def itk_reason(error: Exception) -> str:
    """Return the last line of an error of ITK, which is where it says what is wrong.

    What stands before it, ``ITK ERROR: Class(0x7f...):``, is an object in memory.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return _OBJECT.sub("", lines[-1]) if lines else type(error).__name__


def _check_text(name: str, text: TextHeader, max_bytes: int) -> None:
    check_dims(name, text.dims)
    if len(text.dims) not in (2, 3, 4):
        raise InputError(f"{name}: has {len(text.dims)} dimensions; allowed: 2, 3 or 4")
    # The space directions of a NRRD header have none for time.
    if len(text.spacing) not in (len(text.dims), len(text.dims) - 1):
        raise InputError(
            f"{name}: has {len(text.spacing)} spacings for {len(text.dims)} axes; it is damaged"
        )
    check_spacing(name, [text.millimetres * each for each in text.spacing])
    found = text.data_file.stat().st_size - text.data_start
    check_claim(name, text.nbytes, found, compressed=text.compressed, max_bytes=max_bytes)


def _check_agreement(name: str, reader: Any, text: TextHeader, stored: str) -> None:
    """Refuse what ITK takes for another image than the header says, and complex values."""
    if "complex" in stored:
        raise InputError(f"{name}: {stored} is not supported; allowed: real numbers")
    dims, channels = tuple(reader.GetSize()), reader.GetNumberOfComponents()
    if (dims, channels) != (text.dims, text.channels):
        raise InputError(
            f"{name}: its header says {text.dims} voxels of {text.channels} channels, ITK reads "
            f"{dims} of {channels}; the header is damaged"
        )


def reader_of(path: Path, kind: str) -> Any:
    """A reader of SimpleITK for a file of a format, ``"NRRD"`` or ``"MetaImage"``."""
    reader = simpleitk().ImageFileReader()
    reader.SetImageIO(_IMAGE_IO[kind])
    reader.SetFileName(str(path))
    return reader


def attempt(path: Path, call: Callable[[], Any]) -> Any:
    """Call a function of SimpleITK that reads a file.

    Raises
    ------
    InputError
        With the reason that ITK gives.
    """
    try:
        return call()
    except (RuntimeError, UnicodeDecodeError) as error:
        raise InputError(f"{display_name(path)}: cannot be read: {itk_reason(error)}") from error


def _grid(name: str, reader: Any, text: TextHeader, options: ReadOptions) -> Grid:
    if not (text.oriented or options.assume_ras):
        raise InputError(
            f"{name}: has no orientation; pass assume_ras=True if its axes point to right, "
            "anterior and superior"
        )
    ndim = min(len(text.dims), 3)
    full = ItkGeometry(reader.GetSpacing(), reader.GetOrigin(), reader.GetDirection()).affine
    keep = [*range(ndim), -1]
    affine = full[np.ix_(keep, keep)]
    affine[:ndim] *= text.millimetres
    if text.oriented:
        affine = lps(ndim) @ affine
    check_affine(name, affine)
    if not options.allow_shear:
        cure = "pass allow_shear=True to have it resampled on a grid at right angles"
        check_shear(name, affine, cure=cure)
    return Grid(text.dims[:ndim], affine)
