"""PixelLayout: how and where a DICOM file keeps the pixels of its frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regkit.errors import InputError
from regkit.io.formats.dicom.files import DicomFile
from regkit.io.formats.dicom.tags import FrameTags
from regkit.io.header_checks import check_claim
from regkit.io.sizes import product

_VALUES = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_FLOATS = {"FloatPixelData": "f4", "DoubleFloatPixelData": "f8"}
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420")
_NATIVE = {"1.2.840.10008.1.2": "<", "1.2.840.10008.1.2.1": "<", "1.2.840.10008.1.2.2": ">"}


@dataclass(frozen=True)
class PixelLayout:
    """How a file keeps its pixels.

    Parameters
    ----------
    shape
        Columns and rows of a frame.
    frames
        How many there are.
    dtype
        The type of a value, byte order and all.
    bits
        How many bits of a value count.
    samples
        Values a pixel: 1, or 3 for colours.
    photometric
        What they are, such as ``"MONOCHROME2"``.
    syntax
        The UID of the transfer syntax.
    start
        The byte at which the first frame begins; None where frames are encoded, or in colour.
    """

    shape: tuple[int, int]
    frames: int
    dtype: np.dtype[np.generic]
    bits: int
    samples: int
    photometric: str
    syntax: str
    start: int | None

    @property
    def nbytes(self) -> int:
        """How many bytes all frames take, decoded."""
        return product((*self.shape, self.frames, self.samples)) * self.dtype.itemsize


def has_pixels(file: DicomFile) -> bool:
    """Tell whether a file holds an image."""
    return any(keyword in file.data for keyword in _VALUES)


def pixel_layout(file: DicomFile, *, max_bytes: int) -> PixelLayout:
    """Find out how a file keeps its pixels, reading none.

    Parameters
    ----------
    file
        A file that has some.
    max_bytes
        The most that they may take, decoded.

    Raises
    ------
    InputError
        If a tag is missing or contradicts another, the kind of pixel is not supported, or the file
        claims more than it holds or than is allowed.
    """
    tags, kept = FrameTags(file.name, (file.data,)), _kept_in(file)
    columns, rows = tags.whole("Columns"), tags.whole("Rows")
    frames, samples = tags.whole("NumberOfFrames", 1), tags.whole("SamplesPerPixel", 1)
    for what, size in (("Columns", columns), ("Rows", rows), ("NumberOfFrames", frames)):
        if size < 1:
            raise InputError(f"{file.name}: {what} is {size}; it must be positive")
    photometric = tags.word("PhotometricInterpretation").upper()
    _check_photometric(file.name, photometric, samples)
    syntax = str(file.data.file_meta.get("TransferSyntaxUID", ""))
    kind, bits = _kind(tags, kept)
    order = _NATIVE.get(syntax)
    dtype = np.dtype(f"{order or '<'}{kind}")
    # Single bits are packed, and single bytes in the order of large ends are swapped.
    bytewise = dtype.itemsize > 1 or order == "<"
    plain = order is not None and samples == 1 and bytewise and tags.whole("BitsAllocated", 8) > 1
    raw = file.data.get_item(kept, keep_deferred=True)
    layout = PixelLayout(
        (columns, rows), frames, dtype, bits, samples, photometric, syntax,
        int(raw.value_tell) if plain else None,
    )  # fmt: skip
    # What is encoded, or has colours at half the width, can be of any size; the bound holds then.
    there = min(file.path.stat().st_size - int(raw.value_tell), int(raw.length))
    if order is not None and not plain:
        _check_length(file.name, there, layout, tags.whole("BitsAllocated", 8))
    found = there if plain else layout.nbytes
    check_claim(file.name, layout.nbytes, found, compressed=False, max_bytes=max_bytes)
    return layout


def _check_length(name: str, found: int, layout: PixelLayout, allocated: int) -> None:
    """Refuse pixels that end early: given a path, pydicom 3.0.2 reads on in the next element."""
    samples = 2 if layout.photometric == "YBR_FULL_422" else layout.samples
    needed = -(-product((*layout.shape, layout.frames, samples)) * allocated // 8)
    if found < needed:
        raise InputError(
            f"{name}: its pixels are {found} bytes, and it claims {needed}; the file is cut"
        )


def _kept_in(file: DicomFile) -> str:
    return next(keyword for keyword in _VALUES if keyword in file.data)


def _check_photometric(name: str, photometric: str, samples: int) -> None:
    allowed = {1: _GREY, 3: _COLOURS}.get(samples, ())
    if photometric not in allowed:
        raise InputError(
            f"{name}: has {samples} samples a pixel in {photometric[:16] or 'no'} "
            f"PhotometricInterpretation; allowed: one in {' or '.join(_GREY)}, or three in colours"
        )


def _kind(tags: FrameTags, kept: str) -> tuple[str, int]:
    """The type of a value without its byte order, and how many of its bits count."""
    if kept in _FLOATS:
        return _FLOATS[kept], 8 * np.dtype(_FLOATS[kept]).itemsize
    allocated = tags.whole("BitsAllocated")
    stored = tags.whole("BitsStored", allocated)
    high = tags.whole("HighBit", stored - 1)
    if allocated not in (1, 8, 16, 32) or not 1 <= stored <= allocated or high != stored - 1:
        raise InputError(
            f"{tags.name}: has BitsAllocated {allocated}, BitsStored {stored} and HighBit {high}; "
            "allowed: 1, 8, 16 or 32 bits of which the low ones count"
        )
    signed = tags.whole("PixelRepresentation", 0) and allocated > 1
    return f"{'i' if signed else 'u'}{max(1, allocated // 8)}", stored
