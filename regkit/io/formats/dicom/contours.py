"""DICOM structure sets (RTSTRUCT): contours, as a label map on the grid of their image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry.affines import Matrix, apply_affine
from regkit.io.formats.dicom.files import DicomFile, dicom_errors, dicom_paths, open_dicom
from regkit.io.formats.dicom.images import image_header
from regkit.io.formats.dicom.polygon import fill_polygon
from regkit.io.formats.dicom.series import DicomSeries, series_of_files
from regkit.io.formats.dicom.structures import NamedStructure, structure_header
from regkit.io.formats.dicom.tags import FrameTags
from regkit.io.header import Header
from regkit.io.lps import lps
from regkit.io.names import display_name
from regkit.io.options import ReadOptions

_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_OFF_SLICE = 0.25  # of the step from slice to slice


@dataclass(frozen=True, eq=False)
class ContourMasks:
    """The masks of the structures of a file of contours; see :class:`Masks`.

    Parameters
    ----------
    path
        The file.
    to_index
        The matrix ``(4, 4)`` from LPS mm to the indices of the image.
    """

    path: Path
    to_index: Matrix

    def __call__(
        self, structures: Sequence[NamedStructure], shape: tuple[int, ...]
    ) -> Iterator[tuple[NamedStructure, tuple[slice, ...], NDArray[np.bool_]]]:
        """Give one mask a structure and slice; what contours enclose twice is outside."""
        file = open_dicom(self.path)
        for structure in structures:
            for number, polygons in self._by_slice(file, structure, shape).items():
                mask = np.zeros(shape[:2], bool)
                for corners in polygons:
                    mask ^= fill_polygon(corners, (shape[0], shape[1]))
                place = (slice(None), slice(None), slice(number, number + 1))
                yield structure, place, mask[..., None]

    def _by_slice(
        self, file: DicomFile, structure: NamedStructure, shape: tuple[int, ...]
    ) -> dict[int, list[Matrix]]:
        out: dict[int, list[Matrix]] = defaultdict(list)
        for contour in _contours(file).get(structure.number, ()):
            points = np.array(contour.ContourData, np.float64).reshape(-1, 3)
            index = apply_affine(self.to_index, points)
            number = round(float(index[:, 2].mean()))
            if np.abs(index[:, 2] - number).max() > _OFF_SLICE or not 0 <= number < shape[2]:
                raise InputError(
                    f"{file.name}: a contour of {structure.name!r:.40} lies in no slice of the "
                    "image that it refers to; give the image that it was drawn on"
                )
            out[number].append(index[:, :2])
        return out


def contours_header(path: Path, series: DicomSeries, options: ReadOptions) -> Header:
    """Check a structure set, and find the image that it refers to.

    Parameters
    ----------
    path
        What the user gave.
    series
        The structure set.
    options
        Which structures are taken, and how the image is read.

    Raises
    ------
    InputError
        If it has several files or no closed contour, or its image is not near it.
    """
    name = display_name(path)
    if len(series.files) > 1:
        raise InputError(f"{name}: holds {len(series.files)} structure sets; give one file")
    file = series.files[0]
    image = _image_of(name, file)
    header = image_header(path, image, options)
    contours = _contours(file)
    found = [each for each in _names(file) if each[0] in contours]
    to_index: Matrix = header.grid.inverse_affine @ lps(3)
    beside = (file.path, *header.beside)
    return structure_header(
        path, series, header.grid, found, ContourMasks(file.path, to_index), beside, options
    )


def _names(file: DicomFile) -> list[tuple[int, str]]:
    items = [FrameTags(file.name, (each,)) for each in file.data.get("StructureSetROISequence", ())]
    return [(each.whole("ROINumber"), each.word("ROIName")) for each in items]


def _contours(file: DicomFile) -> dict[int, list[Any]]:
    """The closed contours of every structure that has some, by its number."""
    out: dict[int, list[Any]] = {}
    for item in file.data.get("ROIContourSequence", ()):
        closed = [
            each
            for each in item.get("ContourSequence", ())
            if each.get("ContourGeometricType") in _CLOSED
        ]
        if closed:
            out[FrameTags(file.name, (item,)).whole("ReferencedROINumber")] = closed
    return out


def _image_of(name: str, file: DicomFile) -> DicomSeries:
    """The series that a structure set refers to, from its folder or one beside that."""
    uid = _referenced(file)
    here = file.path.parent
    beside = [each for each in sorted(here.parent.iterdir()) if each.is_dir() and each != here]
    for folder, deep in ((here, True), *((each, False) for each in beside)):
        files = map(open_dicom, dicom_paths(folder, deep=deep))
        found = [each for each in files if _has_uid(each, uid)]
        if found:
            return series_of_files(found)
    raise InputError(
        f"{name}: refers to an image that is neither in its folder nor in one beside it; put the "
        "series that it was drawn on there"
    )


def _has_uid(file: DicomFile, uid: str) -> bool:
    with dicom_errors(file.name):
        return str(file.data.get("SeriesInstanceUID", "")) == uid


def _referenced(file: DicomFile) -> str:
    for frame in file.data.get("ReferencedFrameOfReferenceSequence", ()):
        for study in frame.get("RTReferencedStudySequence", ()):
            for series in study.get("RTReferencedSeriesSequence", ()):
                return str(series.get("SeriesInstanceUID", ""))
    raise InputError(f"{file.name}: does not say which image it refers to; it cannot be placed")
