"""Fractional DICOM segmentations: the share or the probability of each segment, as channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.format import Window
from regkit.io.formats.dicom.images import describe_series
from regkit.io.formats.dicom.pixels import slice_values
from regkit.io.formats.dicom.series import DicomSeries
from regkit.io.formats.dicom.slices import DicomSlice
from regkit.io.header import Header
from regkit.io.header_checks import check_claim
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.sizes import product


@dataclass(frozen=True)
class SegmentFrame:
    """A frame of a segmentation: its slice, where that lies, and its segment (0: a label map)."""

    slice: DicomSlice
    number: int
    segment: int


@dataclass(frozen=True)
class Fractions:
    """What the channels of an image of fractions are made of.

    Parameters
    ----------
    frames
        Of all segments.
    segments
        The number of the segment of each channel.
    largest
        The stored value that stands for 1.
    """

    frames: tuple[SegmentFrame, ...]
    segments: tuple[int, ...]
    largest: int


def fractions_header(
    path: Path,
    series: DicomSeries,
    grid: Grid,
    found: Sequence[tuple[int, str]],
    frames: tuple[SegmentFrame, ...],
    largest: int,
    options: ReadOptions,
) -> Header:
    """Make the header of an image with one channel a segment, 0 to 1.

    Parameters
    ----------
    path
        What the user gave.
    series
        The segmentation.
    grid
        Where it lies.
    found
        Number and name of every segment.
    frames
        Those of all segments.
    largest
        The stored value that stands for 1.
    options
        How large it may be.

    Raises
    ------
    InputError
        If there is no segment, no such value, or the image is too large.
    """
    name = display_name(path)
    if not found or largest < 1:
        raise InputError(
            f"{name}: has {len(found)} segments and MaximumFractionalValue {largest}; it is damaged"
        )
    claimed = product(grid.shape) * np.dtype(np.float32).itemsize
    check_claim(name, claimed, claimed, compressed=False, max_bytes=options.max_bytes)
    return Header(
        path, name, "DICOM", grid, "uint8",
        channels=len(found),
        channel_names=tuple(each for _, each in found),
        source=Fractions(frames, tuple(number for number, _ in found), largest),
        options=options,
        value_type="float32",
        beside=(series.files[0].path,),
        label_hint="Pass threshold=0.5, or another share, to make labels of fractions",
        about={
            **describe_series(series),
            "fractions": series.tags.word("SegmentationFractionalType").lower(),
        },
    )  # fmt: skip


def read_fractions(header: Header, window: Window) -> NDArray[Any]:
    """Read the shares of one segment, 0 where it has no frame.

    Parameters
    ----------
    header
        With a channel chosen.
    window
        A slice of indices for every axis.

    Raises
    ------
    InputError
        If the file is cut or damaged.
    """
    given: Fractions = header.source
    own = [each for each in given.frames if each.segment == given.segments[header.channel]]
    out = np.zeros(header.grid.shape, np.float32)
    flat = (slice(None), slice(None))
    for each, values in zip(
        own, slice_values([e.slice for e in own], flat, 0, "int32"), strict=True
    ):
        out[..., each.number] = values / np.float32(given.largest)
    return out[window]
