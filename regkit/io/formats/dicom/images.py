"""Images in DICOM: the header of a series of slices, and their values."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix
from regkit.io.format import Window
from regkit.io.formats.dicom.files import DicomFile
from regkit.io.formats.dicom.mosaic import is_mosaic, slices_of_mosaic
from regkit.io.formats.dicom.pixels import slice_values, value_type
from regkit.io.formats.dicom.series import DicomSeries
from regkit.io.formats.dicom.slices import DicomSlice, slices_of
from regkit.io.formats.dicom.stack import SliceStack, slice_place, stack_affine, stack_slices
from regkit.io.formats.dicom.tags import FrameTags
from regkit.io.header import Header
from regkit.io.header_checks import check_affine, check_claim, check_shear
from regkit.io.lps import lps
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.spacing import spacing_and_world

_TOGETHER = 16  # slices whose voxels are written side by side
_TILT = (
    "pass allow_shear=True to have it resampled on a grid at right angles; slices are taken where "
    "their positions say"
)


def read_image(header: Header, window: Window) -> NDArray[Any]:
    """Read the values of one frame of a series: Hounsfield units of a CT.

    ``header`` has frame and channel chosen; ``window`` is a slice of indices for every axis.

    Raises
    ------
    InputError
        If a file is cut or damaged, or cannot be decoded.
    """
    slices = cast(SliceStack, header.source).frames[header.frame]
    wanted = slices[window[2]] if len(window) > 2 else slices
    values = slice_values(wanted, window[:2], header.channel, header.value_type)
    return _stacked(values, len(wanted)) if len(window) > 2 else next(values)


def _stacked(values: Iterator[NDArray[Any]], count: int) -> NDArray[Any]:
    """Slices one behind the other, ``(columns, rows, count)``, the last axis fastest.

    Some at a time: voxel by voxel each write would be to another line of the cache.
    """
    first = next(values)
    rest, out = chain([first], values), np.empty((*first.shape, count), first.dtype)
    for start in range(0, count, _TOGETHER):
        some = np.array(list(islice(rest, _TOGETHER)), order="C")
        out[..., start : start + len(some)] = np.moveaxis(some, 0, -1)
    return out


def image_header(path: Path, series: DicomSeries, options: ReadOptions) -> Header:
    """Check the headers of one series and put its slices in order, in RAS+ mm.

    Parameters
    ----------
    path
        What the user gave, after which the image is called.
    series
        One of those that are there.
    options
        What the user allows.

    Raises
    ------
    InputError
        If a file is damaged, or its slices make no grid.
    """
    name = display_name(path)
    _check_kind(name, series)
    slices = [each for file in series.files for each in _slices(file, options)]
    layouts = {each.path: each.layout for each in slices}
    claimed = sum(layout.nbytes for layout in layouts.values())
    check_claim(name, claimed, claimed, compressed=False, max_bytes=options.max_bytes)
    stack, grid = _placed(name, slices, options)
    first = slices[0].layout
    return Header(
        path,
        name,
        "DICOM",
        grid,
        first.dtype.name,
        len(stack.frames),
        channels=first.samples,
        channel_names=("red", "green", "blue") if first.samples == 3 else (),
        source=stack,
        options=options,
        value_type=value_type(slices),
        beside=tuple(file.path for file in series.files),
        in_parts=first.start is not None,
        about=describe_series(series, stack),
    )


def describe_series(series: DicomSeries, stack: SliceStack | None = None) -> dict[str, Any]:
    """Gather what a series says that people ask for; nothing of it is about the patient."""
    tags = series.tags
    padding = tags.numbers("PixelPaddingValue", 1)
    out: dict[str, Any] = {
        "series": series.number,
        "description": tags.word("SeriesDescription"),
        "modality": series.modality,
        "time": _clock(tags.word("SeriesTime") or tags.word("AcquisitionTime")),
        "uid": series.uid,
    }
    if stack is not None and stack.told_by:
        out["frames_by"] = ", ".join(stack.told_by)
    if stack is not None and padding is not None:
        each = stack.frames[0][0]
        out["padding"] = padding[0] * each.slope + each.intercept
    return {name: value for name, value in out.items() if value not in (None, "")}


def _slices(file: DicomFile, options: ReadOptions) -> list[DicomSlice]:
    """The slices of a file, those of a mosaic taken apart."""
    found = slices_of(file, max_bytes=options.max_bytes)
    if not is_mosaic(FrameTags(file.name, (file.data,))):
        return found
    return [part for each in found for part in slices_of_mosaic(file, each)]


def _clock(time: str) -> str:
    """Hours, minutes and seconds of a DICOM time."""
    return ":".join((time[:2], time[2:4], time[4:6])) if time[:6].isdigit() else ""


def _check_kind(name: str, series: DicomSeries) -> None:
    kind = tuple(word.upper() for word in series.tags.words("ImageType"))
    if "LOCALIZER" in kind:
        raise InputError(
            f"{name}: is a localiser, pictures by which a scan was planned; choose another series"
        )


def _placed(name: str, slices: list[DicomSlice], options: ReadOptions) -> tuple[SliceStack, Grid]:
    """The slices in order and their grid; a picture without a position lies where ITK has it."""
    shape = slices[0].shape
    if len(slices) == 1 and slices[0].place is None:
        spacing, world = spacing_and_world(name, 2, slices[0].spacing, options)
        flat = Grid(shape, lps(2) @ np.diag([*spacing, 1.0]), world)
        return SliceStack(((slices[0],),), (), None), flat
    stack = stack_slices(name, slices)
    affine = lps(3) @ stack_affine(stack, _step_of(name, stack, options))
    check_affine(name, affine)
    if not options.allow_shear:
        check_shear(name, affine, what="stack of its slices (gantry tilt)", cure=_TILT)
    return stack, Grid((*shape, len(stack.frames[0])), affine)


def _step_of(name: str, stack: SliceStack, options: ReadOptions) -> Matrix:
    if stack.step is not None:
        return stack.step
    each = stack.frames[0][0]
    spacing = None if each.spacing is None else (*each.spacing, each.step)
    said, _ = spacing_and_world(name, 3, spacing, options)
    return slice_place(each).normal * said[2]
