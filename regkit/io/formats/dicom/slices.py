"""DicomSlice: one slice of a DICOM image, where it lies and what its values mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.io.formats.dicom.files import DicomFile, dicom_errors
from regkit.io.formats.dicom.layout import PixelLayout, pixel_layout
from regkit.io.formats.dicom.tags import FrameTags, frame_tags
from regkit.io.names import display_name

# What may tell frames at one place apart, the slowest first.
TELLING = (
    "TemporalPositionIndex", "TemporalPositionIdentifier", "InversionTime", "FlipAngle",
    "EffectiveEchoTime", "EchoTime", "EchoNumbers", "DiffusionBValue",
    "DiffusionGradientOrientation", "TriggerTime", "NominalCardiacTriggerDelayTime",
    "AcquisitionNumber", "FrameType", "ImageType",
)  # fmt: skip
_TIMES = ("FrameAcquisitionDateTime", "AcquisitionDateTime", "AcquisitionTime")
_RIGHT_ANGLE = 1e-3
_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"


@dataclass(frozen=True, eq=False)
class SlicePlace:
    """Where a slice lies.

    Parameters
    ----------
    position
        The centre of its first pixel ``(3,)``, LPS in mm.
    along
        Unit vectors ``(2, 3)`` in LPS: where columns and rows count up.
    spacing
        Millimetres from column to column and from row to row.
    """

    position: Matrix
    along: Matrix
    spacing: tuple[float, float]

    @property
    def normal(self) -> Matrix:
        """Where the next slice of a right-handed image would lie, LPS."""
        out: Matrix = np.cross(self.along[0], self.along[1])
        return out


@dataclass(frozen=True)
class Tile:
    """The part of a picture that a slice is: its first column and row, and how many of each."""

    column: int
    row: int
    columns: int
    rows: int


@dataclass(frozen=True, eq=False)
class DicomSlice:
    """One slice, in a file of its own or as a frame.

    Parameters
    ----------
    path, number
        The file, and which of its frames it is.
    layout
        How the file keeps its pixels.
    place
        Where it lies; None where the file does not say.
    missing
        The first of the tags that say so which the file lacks; empty where it has all.
    spacing
        Millimetres from column to column and from row to row; None where the file does not say.
    step
        Millimetres to the next slice, as the file says; None where it does not.
    slope, intercept
        What makes values of the stored ones.
    tells
        Values of ``TELLING``, by which frames at one place are told apart.
    time
        When it was taken, as text that can be ordered; empty where unknown.
    tile
        Which part of the frame it is; None where it is all of it.
    """

    path: Path
    number: int
    layout: PixelLayout
    place: SlicePlace | None
    missing: str
    spacing: tuple[float, float] | None
    step: float | None
    slope: float
    intercept: float
    tells: tuple[tuple[str, ...], ...]
    time: str
    tile: Tile | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Its columns and rows."""
        tile = self.tile
        return self.layout.shape if tile is None else (tile.columns, tile.rows)

    @property
    def name(self) -> str:
        """What messages call its file."""
        return display_name(self.path)


def slices_of(file: DicomFile, *, max_bytes: int) -> list[DicomSlice]:
    """List the slices of a file, reading no pixel.

    Parameters
    ----------
    file
        One that holds pixels.
    max_bytes
        The most that they may take, decoded.

    Raises
    ------
    InputError
        If the file is damaged, or holds pixels that regkit does not read.
    """
    with dicom_errors(file.name):
        layout = pixel_layout(file, max_bytes=max_bytes)
        tags = frame_tags(file)
        slices = [_plane(file, number, layout, each) for number, each in enumerate(tags)]
        return _of_dose(file, slices)


def _plane(file: DicomFile, number: int, layout: PixelLayout, tags: FrameTags) -> DicomSlice:
    spacing, slope = _spacing(tags), tags.number("RescaleSlope", 1.0)
    if slope == 0:
        raise InputError(
            f"{tags.name}: RescaleSlope is 0, so that all values are one; it is damaged"
        )
    place, missing = _place(tags, spacing)
    step = tags.numbers("SpacingBetweenSlices", 1) or tags.numbers("SliceThickness", 1)
    return DicomSlice(
        file.path,
        number,
        layout,
        place,
        missing,
        spacing,
        abs(step[0]) or None if step else None,
        slope,
        tags.number("RescaleIntercept", 0.0),
        tuple(tags.words(keyword) for keyword in TELLING),
        next(filter(None, map(tags.word, _TIMES)), ""),
    )


def _place(tags: FrameTags, spacing: tuple[float, float] | None) -> tuple[SlicePlace | None, str]:
    """Where a frame lies, or which tag is missing to tell."""
    along, position = _along(tags), tags.numbers("ImagePositionPatient", 3)
    if position is None:
        return None, "ImagePositionPatient"
    if along is None:
        return None, "ImageOrientationPatient"
    if spacing is None:
        return None, "PixelSpacing"
    return SlicePlace(np.array(position), along, spacing), ""


def _along(tags: FrameTags) -> Matrix | None:
    found = tags.numbers("ImageOrientationPatient", 6)
    if found is None:
        return None
    along = np.array(found).reshape(2, 3)
    if not np.allclose(along @ along.T, np.eye(2), atol=_RIGHT_ANGLE):
        raise InputError(
            f"{tags.name}: ImageOrientationPatient holds no two unit vectors at right angles; fix "
            "the header"
        )
    out: Matrix = along / np.linalg.norm(along, axis=1, keepdims=True)
    return out


def _spacing(tags: FrameTags) -> tuple[float, float] | None:
    """Of columns and of rows: DICOM has them the other way round."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        found = tags.numbers(keyword, 2)
        if found is not None:
            return found[1], found[0]
    return None


def _of_dose(file: DicomFile, slices: list[DicomSlice]) -> list[DicomSlice]:
    """The slices of a dose, whose offsets and whose scale are in tags of their own."""
    if str(file.data.get("SOPClassUID", "")) != _DOSE:
        return slices
    tags = FrameTags(file.name, (file.data,))
    offsets = tags.numbers("GridFrameOffsetVector", len(slices)) or (0.0,) * len(slices)
    if offsets[0] != 0:
        raise InputError(
            f"{file.name}: GridFrameOffsetVector begins with {offsets[0]:g}; offsets from the "
            "first each, which begin with 0, are read"
        )
    scale = tags.number("DoseGridScaling", 1.0)
    return [
        replace(each, place=_moved(each.place, offset), slope=scale)
        for each, offset in zip(slices, offsets, strict=True)
    ]


def _moved(place: SlicePlace | None, offset: float) -> SlicePlace | None:
    """A place further along its normal."""
    return place and replace(place, position=place.position + offset * place.normal)
