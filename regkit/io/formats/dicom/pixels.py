"""Pixels of DICOM files as values: decoded, the bits that count, rescaled slice by slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from regkit.errors import InputError, require
from regkit.io.format import Window
from regkit.io.formats.dicom.files import dicom_damage
from regkit.io.formats.dicom.layout import PixelLayout
from regkit.io.formats.dicom.slices import DicomSlice
from regkit.io.stored import read_stored

_EXTENDED = "1.2.840.10008.1.2.4.51"  # Pillow decodes its 8 bits alone
# JPEG Extended, JPEG Lossless (both kinds), JPEG-LS (both), JPEG 2000 (both).
_BY_ITK = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (51, 57, 70, 80, 81, 90, 91))
_MOST_DECODERS = 4  # beyond which reading is no faster on common disks
_WHOLE = ("int16", "int32", "int64")


def value_type(slices: Sequence[DicomSlice]) -> str:
    """Name the type that holds all values of some slices, by what their headers say.

    That is the stored type without a scale; the smallest type of whole numbers where slopes and
    intercepts are whole, as those of Hounsfield units are; else real numbers.
    """
    layouts = {each.layout.dtype.newbyteorder("=") for each in slices}
    scales = {(each.slope, each.intercept) for each in slices}
    stored = np.result_type(*layouts)
    if stored.kind == "f" or scales == {(1.0, 0.0)}:
        return stored.name
    if any(value != int(value) for scale in scales for value in scale):
        return "float32" if stored.itemsize <= 2 else "float64"
    ends = [end * s + i for each in slices for end in _range(each.layout) for s, i in scales]
    fits = [t for t in _WHOLE if np.iinfo(t).min <= min(ends) and max(ends) <= np.iinfo(t).max]
    return fits[0] if fits else "float64"


def slice_values(
    slices: Sequence[DicomSlice], window: Window, channel: int, dtype: str
) -> Iterator[NDArray[Any]]:
    """Give the values of slices in turn, ``(columns, rows)`` of a window.

    Parameters
    ----------
    slices
        In the order in which they are wanted.
    window
        A slice of indices of columns, and one of rows.
    channel
        Which sample of a pixel is wanted.
    dtype
        As :func:`value_type` names it.

    Raises
    ------
    InputError
        If a file is cut or damaged, or its compression is none that can be decoded here.
    """

    def values(some: Sequence[DicomSlice]) -> Iterator[NDArray[Any]]:
        frames = [list(tiles) for _, tiles in groupby(some, key=lambda each: each.number)]
        for tiles, stored in zip(frames, _stored([own[0] for own in frames]), strict=True):
            picked = stored if stored.ndim == 2 else stored[..., channel]
            for each in tiles:
                part = picked[_place_of(each)][window[0], window[1]]
                yield _scaled(_counting(part, each.layout), each, np.dtype(dtype))

    files = [list(group) for _, group in groupby(slices, key=lambda each: each.path)]
    if len(files) < 2 or slices[0].layout.start is not None:
        yield from chain.from_iterable(map(values, files))
        return
    count = min(_MOST_DECODERS, torch.get_num_threads())
    with ThreadPoolExecutor(count) as pool:  # decoders leave Python's lock to others
        for begin in range(0, len(files), count):
            for some in pool.map(lambda file: [*values(file)], files[begin : begin + count]):
                yield from some


def _place_of(each: DicomSlice) -> tuple[slice, slice]:
    """Where a slice is in its frame, ``(columns, rows)``."""
    tile = each.tile
    if tile is None:
        return slice(None), slice(None)
    return (
        slice(tile.column, tile.column + tile.columns), slice(tile.row, tile.row + tile.rows)
    )  # fmt: skip


def _range(layout: PixelLayout) -> tuple[int, int]:
    if layout.dtype.kind == "i":
        return -(2 ** (layout.bits - 1)), 2 ** (layout.bits - 1) - 1
    return 0, 2**layout.bits - 1


def _scaled(stored: NDArray[Any], each: DicomSlice, dtype: np.dtype[Any]) -> NDArray[Any]:
    if (each.slope, each.intercept) == (1.0, 0.0):
        return stored.astype(dtype, copy=False)
    if dtype.kind != "i":
        values = stored.astype(np.float64) * each.slope + each.intercept
        return values.astype(dtype)
    # The result fits its type, so that what wraps round on the way there wraps back.
    slope, intercept = np.array([each.slope, each.intercept]).astype(np.int64).astype(dtype)
    values = stored.astype(dtype)
    values *= slope
    values += intercept
    return values


def _counting(stored: NDArray[Any], layout: PixelLayout) -> NDArray[Any]:
    """Values without bits that do not count, in which old files keep overlays."""
    native = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    spare = 8 * layout.dtype.itemsize - layout.bits
    if spare == 0 or native.dtype.kind == "f":
        return native
    return (native << spare) >> spare


def _stored(slices: Sequence[DicomSlice]) -> Iterator[NDArray[Any]]:
    """The pixels of slices of one file as it stores them, ``(columns, rows)`` or with samples."""
    first, layout = slices[0], slices[0].layout
    numbers = [each.number for each in slices]
    if layout.start is None:
        yield from _decoded(first, numbers)
        return
    step = layout.nbytes // layout.frames
    for number in numbers:
        yield read_stored(
            first.path, first.name, layout.dtype, layout.shape, layout.start + number * step
        )


def _decoded(first: DicomSlice, numbers: list[int]) -> Iterator[NDArray[Any]]:
    layout = first.layout
    pixels = require("pydicom.pixels", extra="dicom")
    if _can_decode(pixels, layout):
        with dicom_damage(first.name):
            for frame in pixels.iter_pixels(first.path, indices=numbers):
                yield _transposed(frame, first)
        return
    known = layout.syntax in _BY_ITK
    if not known or layout.frames > 1 or layout.photometric != "MONOCHROME2":
        raise _undecodable(first)
    yield _by_simpleitk(first)


def _can_decode(pixels: Any, layout: PixelLayout) -> bool:
    if layout.syntax == _EXTENDED and layout.bits > 8:
        return False
    try:
        return bool(pixels.get_decoder(layout.syntax).is_available)
    except NotImplementedError:
        return False


def _by_simpleitk(only: DicomSlice) -> NDArray[Any]:
    """What ITK decodes of a file of one slice, with the scale that it applied undone."""
    sitk = require("SimpleITK", extra="all")

    try:
        found = sitk.GetArrayFromImage(sitk.ReadImage(str(only.path)))
    except RuntimeError as error:
        raise _undecodable(only) from error
    stored = np.rint((found.astype(np.float64) - only.intercept) / only.slope)
    return _transposed(stored.reshape(found.shape[-2:]).astype(only.layout.dtype), only)


def _transposed(frame: NDArray[Any], one: DicomSlice) -> NDArray[Any]:
    if frame.shape[:2] != one.layout.shape[::-1]:
        raise InputError(f"{one.name}: holds {frame.shape} pixels, not what its header says")
    return frame.swapaxes(0, 1)


def _undecodable(one: DicomSlice) -> InputError:
    return InputError(
        f"{one.name}: its transfer syntax {one.layout.syntax:.64} can be decoded by neither "
        "pydicom nor SimpleITK; install a plugin of pydicom such as pylibjpeg, or store it "
        "uncompressed"
    )
