"""DICOM segmentations (SEG): frames of segments, as a label map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.formats.dicom.files import DicomFile
from regkit.io.formats.dicom.fractions import SegmentFrame, fractions_header
from regkit.io.formats.dicom.pixels import slice_values
from regkit.io.formats.dicom.series import DicomSeries
from regkit.io.formats.dicom.slices import DicomSlice, slices_of
from regkit.io.formats.dicom.stack import SliceStack, check_alike, slice_place, stack_affine
from regkit.io.formats.dicom.structures import NamedStructure, structure_header
from regkit.io.formats.dicom.tags import FrameTags, frame_tags
from regkit.io.header import Header
from regkit.io.header_checks import check_affine
from regkit.io.lps import lps
from regkit.io.names import display_name
from regkit.io.options import ReadOptions

_ROUNDING = 0.05  # of a step, by which positions may be off


@dataclass(frozen=True)
class SegmentMasks:
    """The masks of the frames of a segmentation; see :class:`Masks`.

    Parameters
    ----------
    frames
        All of them.
    least
        The stored value from which a voxel is part of a segment.
    """

    frames: tuple[SegmentFrame, ...]
    least: float = 1.0

    def __call__(
        self, structures: Sequence[NamedStructure], shape: tuple[int, ...]
    ) -> Iterator[tuple[NamedStructure, tuple[slice, ...], NDArray[np.bool_]]]:
        """Give one mask a frame and segment, read when it is wanted."""
        window = (slice(None), slice(None))
        for structure in structures:
            own = [each for each in self.frames if each.segment in (0, structure.number)]
            slices = [each.slice for each in own]
            for each, values in zip(own, slice_values(slices, window, 0, "int32"), strict=True):
                mask = values == structure.number if each.segment == 0 else values >= self.least
                yield structure, (*window, slice(each.number, each.number + 1)), mask[..., None]


def segments_header(path: Path, series: DicomSeries, options: ReadOptions) -> Header:
    """Check the header of a segmentation; its grid holds every slice between its first and last.

    Parameters
    ----------
    path
        What the user gave.
    series
        The segmentation.
    options
        Which segments are taken, and how large they may be.

    Raises
    ------
    InputError
        If it has several files, its frames make no grid, or two are of one segment and place.
    """
    name = display_name(path)
    if len(series.files) > 1:
        raise InputError(f"{name}: holds {len(series.files)} segmentations; give one file")
    file = series.files[0]
    tags = FrameTags(name, (file.data,))
    kind = tags.word("SegmentationType")
    slices = slices_of(file, max_bytes=options.max_bytes)
    check_alike(name, slices)
    numbers, grid = _grid(name, slices)
    segments = [0 if kind == "LABELMAP" else each.whole("ReferencedSegmentNumber")
                for each in frame_tags(file)]  # fmt: skip
    frames = tuple(map(SegmentFrame, slices, numbers, segments))
    if len(set(zip(numbers, segments, strict=True))) < len(frames):
        raise InputError(f"{name}: has two frames of one segment in one place; it is damaged")
    found, least = _segments(file), 1.0
    if kind == "FRACTIONAL":
        largest = tags.whole("MaximumFractionalValue")
        if options.threshold is None:
            return fractions_header(path, series, grid, found, frames, largest, options)
        least = options.threshold * largest
    elif options.threshold is not None:
        raise InputError(f"{name}: holds no fractions; leave out threshold={options.threshold:g}")
    masks = SegmentMasks(frames, least)
    return structure_header(path, series, grid, found, masks, (file.path,), options)


def _segments(file: DicomFile) -> list[tuple[int, str]]:
    """Number and name of every segment but the background of a label map."""
    items = [FrameTags(file.name, (each,)) for each in file.data.get("SegmentSequence", ())]
    found = [(each.whole("SegmentNumber"), each.word("SegmentLabel")) for each in items]
    return [(number, name) for number, name in found if number > 0]


def _grid(name: str, slices: Sequence[DicomSlice]) -> tuple[list[int], Grid]:
    """Which slice each frame lies in, and the grid of all: one of no segment has no frame."""
    first = slice_place(slices[0])
    positions = np.array([slice_place(each).position for each in slices])
    far = positions @ first.normal
    apart = np.diff(np.unique(far.round(3)))
    step = slices[0].step or (float(apart.min()) if len(apart) else 1.0)
    numbers = (far - far.min()) / step
    whole = numbers.round()
    line = positions[np.argmin(far)] + whole[:, None] * step * first.normal
    if np.abs(positions - line).max() > max(_ROUNDING * step, 0.01):
        raise InputError(
            f"{name}: its frames do not lie {step:.4g} mm apart on one line, as its header says; "
            "mend SpacingBetweenSlices"
        )
    lowest = slices[int(np.argmin(far))]
    affine = lps(3) @ stack_affine(SliceStack(((lowest,),), (), None), first.normal * step)
    check_affine(name, affine)
    shape = (*slices[0].layout.shape, int(whole.max()) + 1)
    return whole.astype(int).tolist(), Grid(shape, affine)
