"""NRRD and MetaImage, in and out, by SimpleITK. A NIfTI file never comes here."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from regkit.errors import InputError, require
from regkit.geometry import Grid
from regkit.io.atomic import free_space, no_space
from regkit.io.formats import display_name, extension
from regkit.io.header import (
    Header,
    check_affine,
    check_choice,
    check_claim,
    check_dims,
    check_shear,
    check_spacing,
    finite,
    known_voxels,
    torch_type,
)
from regkit.io.itk_text import TextHeader
from regkit.io.lps import ItkGeometry, from_itk, lps, to_itk
from regkit.io.metaimage_header import metaimage_header
from regkit.io.nrrd_header import nrrd_header
from regkit.io.reading import Reading
from regkit.io.voxels import check_same
from regkit.volume.volume import Volume

_TEXT = {"NRRD": nrrd_header, "MetaImage": metaimage_header}
_IMAGE_IO = {"NRRD": "NrrdImageIO", "MetaImage": "MetaImageIO"}
_AUTO_DETECT = zlib.MAX_WBITS | 32


def simpleitk() -> ModuleType:
    """SimpleITK, imported when a format of ITK is first touched."""
    return require("SimpleITK", extra="all")


def itk_header(path: Path, kind: str, reading: Reading) -> Header:
    """Check the header of a NRRD or MetaImage file; see :func:`regkit.io.preflight.preflight`."""
    name = display_name(path)
    text = _TEXT[kind](path)
    _check_text(name, text, reading.max_bytes)
    reader = _reader(path, kind)
    _attempt(path, reader.ReadImageInformation)
    stored = simpleitk().GetPixelIDValueAsString(reader.GetPixelID())
    _check_agreement(name, reader, text, stored)
    frames = text.dims[3] if len(text.dims) > 3 else 1
    frame = check_choice(name, "frame", frames, reading.frame)
    channel = check_choice(name, "channel", text.channels, reading.channel)
    grid = _grid(name, reader, text, reading)
    return Header(path, name, kind, grid, stored, frames, frame, text.channels, channel)


def read_itk(header: Header, *, nan: float | None = None) -> Volume:
    """Read the voxels of a file that passed the preflight.

    Raises
    ------
    InputError
        If the data are cut, damaged or not finite.
    """
    text = _TEXT[header.format](header.path)
    if text.compressed:
        check_stream(header.name, text, text.nbytes)
    reader = _reader(header.path, header.format)
    if len(text.dims) > 3:
        reader.SetExtractSize([*text.dims[:3], 0])
        reader.SetExtractIndex([0, 0, 0, header.frame])
    image = _attempt(header.path, reader.Execute)
    if text.channels > 1:
        image = simpleitk().VectorIndexSelectionCast(image, header.channel)
    found = simpleitk().GetArrayViewFromImage(image)
    view, known = finite(header.name, found, nan), known_voxels(found, nan)
    data = np.transpose(view).astype(torch_type(header.name, view), order="C", copy=True)
    valid = None if known is None else np.transpose(known)
    return Volume(torch.from_numpy(data), header.grid, header.name, valid)


def check_stream(name: str, text: TextHeader, claimed: int) -> None:
    """Decompress the voxels once, to see their number and their checksum.

    SimpleITK verifies neither: a flipped bit in a compressed file changes voxels in silence.

    Raises
    ------
    InputError
        If the stream is cut, damaged or of another length.
    """
    inflate, found = zlib.decompressobj(_AUTO_DETECT), 0
    with text.data_file.open("rb") as file:
        file.seek(text.data_start)
        try:
            while found <= claimed and not inflate.eof and (block := file.read(1 << 18)):
                found += len(inflate.decompress(block))
        except zlib.error as error:
            raise InputError(
                f"{name}: the file is damaged: its compressed data fail the check ({error}); "
                "copy the file again"
            ) from error
    if found != claimed or not inflate.eof:
        raise InputError(
            f"{name}: its compressed data hold {found} bytes, expected {claimed}; the file is cut "
            "or its header is damaged"
        )


def image_from(data: NDArray[Any], grid: Grid) -> Any:
    """An image of SimpleITK around ``data``, stored last axis first as numpy sees ITK."""
    image = simpleitk().GetImageFromArray(data)
    place = to_itk(grid)
    image.SetSpacing(place.spacing)
    image.SetOrigin(place.origin)
    image.SetDirection(place.direction)
    return image


def grid_from(image: Any) -> Grid:
    """Where an image of SimpleITK lies in the world (RAS+ mm)."""
    place = ItkGeometry(image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    return from_itk(image.GetSize(), place)


def write_itk(data: NDArray[Any], grid: Grid, path: Path) -> None:
    """Write an array, first axis fastest, as NRRD or MetaImage, uncompressed.

    Raises
    ------
    InputError
        If SimpleITK cannot write there, or lengths are in µm or m, which the formats do not say.
    ResourceError
        If the disk is full.
    """
    if grid.world.unit in ("µm", "m"):
        raise InputError(
            f"{path.name}: this format holds mm, and the image lies in {grid.world}; convert "
            "it with in_unit('mm'), or save it as .nii.gz"
        )
    image = image_from(np.transpose(data), grid)
    write_with(lambda: simpleitk().WriteImage(image, str(path), False), path, data.nbytes)


def write_with(write: Callable[[], None], path: Path, needed: int) -> None:
    """Call a writer of SimpleITK, once there is room, and translate its failure.

    Raises
    ------
    InputError
        If SimpleITK cannot write there.
    ResourceError
        If fewer than ``needed`` bytes are free. ITK is not let into a full disk: it prints a page
        of diagnostics.
    """
    if free_space(path.parent) < needed:
        raise no_space(path.parent, needed)
    try:
        write()
    except RuntimeError as error:
        if free_space(path.parent) < needed:
            raise no_space(path.parent, needed) from error
        raise InputError(f"{path.name}: cannot be written: {reason(error)}") from error


def verify_itk(data: NDArray[Any], grid: Grid, path: Path) -> None:
    """Compare a file with the array and grid that it was written from.

    Raises
    ------
    ResourceError
        If it differs: the disk lost something.
    """
    kind = "NRRD" if extension(path) in (".nrrd", ".nhdr") else "MetaImage"
    image = _attempt(path, _reader(path, kind).Execute)
    found = np.transpose(simpleitk().GetArrayViewFromImage(image))
    check_same(path, found, data, grid_from(image).affine, grid)


def reason(error: Exception) -> str:
    """The last line of a message of ITK, which is where it says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _check_text(name: str, text: TextHeader, max_bytes: int) -> None:
    check_dims(name, text.dims)
    if len(text.dims) not in (2, 3, 4):
        raise InputError(f"{name}: has {len(text.dims)} dimensions; allowed: 2, 3 or 4")
    # The space directions of a NRRD header have none for time.
    if len(text.spacing) not in (len(text.dims), len(text.dims) - 1):
        raise InputError(
            f"{name}: has {len(text.spacing)} spacings for {len(text.dims)} axes; it is damaged"
        )
    check_spacing(name, text.spacing)
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


def _reader(path: Path, kind: str) -> Any:
    reader = simpleitk().ImageFileReader()
    reader.SetImageIO(_IMAGE_IO[kind])
    reader.SetFileName(str(path))
    return reader


def _attempt(path: Path, call: Any) -> Any:
    try:
        return call()
    except (RuntimeError, UnicodeDecodeError) as error:
        raise InputError(f"{display_name(path)}: cannot be read: {reason(error)}") from error


def _grid(name: str, reader: Any, text: TextHeader, reading: Reading) -> Grid:
    if not (text.oriented or reading.assume_ras):
        raise InputError(
            f"{name}: has no orientation; pass assume_ras=True if its axes point to right, "
            "anterior and superior"
        )
    ndim = min(len(text.dims), 3)
    full = ItkGeometry(reader.GetSpacing(), reader.GetOrigin(), reader.GetDirection()).affine
    keep = [*range(ndim), -1]
    affine = full[np.ix_(keep, keep)]
    if text.oriented:
        affine = lps(ndim) @ affine
    check_affine(name, affine)
    if not reading.allow_shear:
        cure = "pass allow_shear=True to have it resampled on a grid at right angles"
        check_shear(name, affine, cure=cure)
    return Grid(text.dims[:ndim], affine)
