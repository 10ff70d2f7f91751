"""DICOM series of known phantoms, as scanners write them, with anything about them changed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from regkit import Volume

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
PATIENT = "Doe^Jane"
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_counted = itertools.count(1)


def item(**values: Any) -> pydicom.Dataset:
    """A data set of these elements."""
    out = pydicom.Dataset()
    for keyword, value in values.items():
        setattr(out, keyword, value)
    return out


def blank(kind: str, series: str, number: int | None, **values: Any) -> FileDataset:
    """A file of a patient with a name, without pixels."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    given = {
        "SOPClassUID": kind, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "PatientName": PATIENT, "PatientID": "ID-1066", "PatientBirthDate": "19700101",
        "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1", "SeriesInstanceUID": series,
        "FrameOfReferenceUID": "1.2.826.0.1.3680043.8.498.2", "SeriesNumber": number,
        "StudyDate": "20260102", "StudyTime": "101112", "SeriesTime": "101213.5",
        "SeriesDescription": "thin slices", "StudyID": "S", "AccessionNumber": "",
        "Manufacturer": "phantom", "PatientSex": "O", "ReferringPhysicianName": "",
        "SpecificCharacterSet": "ISO_IR 100",
        "Modality": "MR" if kind == MR else "CT", "PatientPosition": "HFS",
    } | values  # fmt: skip
    for keyword, value in given.items():
        setattr(out, keyword, value)
    return out


def with_pixels(data: pydicom.Dataset, stored: np.ndarray, bits: int) -> None:
    """Put frames ``(..., rows, columns)`` of 16 bits into a data set."""
    data.Rows, data.Columns = stored.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, bits, bits - 1
    data.PixelRepresentation = int(stored.dtype.kind == "i")
    data.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()


def stored_of(volume: Volume) -> np.ndarray:
    """The voxels of a volume, ``(slices, rows, columns)``."""
    return volume.data[0].numpy().transpose(2, 1, 0)


def geometry(volume: Volume, number: int) -> dict[str, Any]:
    """Where a slice of a volume lies, as DICOM says it."""
    affine = LPS @ volume.grid.affine
    x, y = volume.grid.spacing[:2]
    return {
        "ImageOrientationPatient": [*(affine[:3, 0] / x), *(affine[:3, 1] / y)],
        "ImagePositionPatient": [*(affine @ [0, 0, number, 1])[:3]],
        "PixelSpacing": [y, x],
        "SliceThickness": volume.grid.spacing[2],
    }


def numbers(geometry: dict[str, Any]) -> dict[str, Any]:
    """Of at most 16 characters, as DICOM allows them."""
    short = pydicom.valuerep.format_number_as_ds
    return {
        key: [short(float(v)) for v in value] if isinstance(value, list) else short(float(value))
        for key, value in geometry.items()
    }


def write_series(
    folder: Path,
    volume: Volume,
    *,
    kind: str = CT,
    number: int | None = 3,
    uid: str | None = None,
    slope: float = 1.0,
    intercept: float = 0.0,
    bits: int = 16,
    order: Sequence[int] | None = None,
    change: Callable[[FileDataset, int], object] | None = None,
    **values: Any,
) -> Path:
    """A file a slice, whose names and numbers follow ``order``; ``change`` gets each of them.

    Voxels are the stored values.
    """
    folder.mkdir(parents=True, exist_ok=True)
    series, stored = uid or generate_uid(), stored_of(volume)
    for place, slice_number in enumerate(order or range(len(stored))):
        data = blank(kind, series, number, **values)
        data.InstanceNumber = place + 1
        for keyword, value in numbers(geometry(volume, slice_number)).items():
            setattr(data, keyword, value)
        if kind == CT:
            data.RescaleSlope, data.RescaleIntercept = slope, intercept
        with_pixels(data, stored[slice_number], bits)
        if change is not None:
            change(data, slice_number)
        data.save_as(folder / f"IM{next(_counted):05}", enforce_file_format=True)
    return folder


_ORGANISATION = "1.2.826.0.1.3680043.8.498.3"


def _content(number: int) -> dict[str, Any]:
    """The stack that a frame is part of, and its place there."""
    return {
        "StackID": "1", "InStackPositionNumber": number + 1, "DimensionIndexValues": [1, number + 1]
    }  # fmt: skip


def _index(tag: int) -> pydicom.Dataset:
    return item(
        DimensionOrganizationUID=_ORGANISATION,
        DimensionIndexPointer=tag,
        FunctionalGroupPointer=0x00209111,
    )


def write_enhanced(
    path: Path,
    volume: Volume,
    *,
    order: Sequence[int] | None = None,
    scale: Callable[[int], tuple[float, float]] = lambda number: (1.0, 0.0),
    shared_scale: bool = False,
    extra: Callable[[int], dict[str, Any]] | None = None,
    **values: Any,
) -> Path:
    """One file of many frames in ``order``, each with its own scale, or one for all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = stored_of(volume)
    frames = list(order or range(len(stored)))
    data = blank(ENHANCED_CT, generate_uid(), 4, ImageType=["ORIGINAL", "PRIMARY", "VOLUME"])
    groups, shared = [], item()
    for number in frames:
        where = numbers(geometry(volume, number))
        group = item(
            PlanePositionSequence=Items([item(ImagePositionPatient=where["ImagePositionPatient"])]),
            FrameContentSequence=Items(
                [item(**_content(number) | (extra(number) if extra else {}))]
            ),
        )
        slope, intercept = scale(number)
        rescale = Items([item(RescaleSlope=slope, RescaleIntercept=intercept, RescaleType="HU")])
        (shared if shared_scale else group).PixelValueTransformationSequence = rescale
        groups.append(group)
    shared.PlaneOrientationSequence = Items(
        [item(ImageOrientationPatient=where["ImageOrientationPatient"])]
    )
    shared.PixelMeasuresSequence = Items(
        [item(PixelSpacing=where["PixelSpacing"], SliceThickness=where["SliceThickness"])]
    )
    data.DimensionOrganizationSequence = Items([item(DimensionOrganizationUID=_ORGANISATION)])
    data.DimensionIndexSequence = Items([_index(0x00209056), _index(0x00209057)])
    data.SharedFunctionalGroupsSequence = Items([shared])
    data.PerFrameFunctionalGroupsSequence = Items(groups)
    data.NumberOfFrames, data.InstanceNumber = len(frames), 1
    with_pixels(data, stored[frames], 16)
    for keyword, value in values.items():
        setattr(data, keyword, value)
    data.save_as(path, enforce_file_format=True)
    return path


STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"


def write_structures(
    path: Path, image: Path, volume: Volume, contours: dict[str, list[Any]], **values: Any
) -> Path:
    """A structure set on a series: names, and polygons ``(n, 3)`` in indices of ``volume``."""
    first = pydicom.dcmread(sorted(image.iterdir())[0])
    data = blank(STRUCTURE_SET, generate_uid(), 20)
    data.Modality = "RTSTRUCT"
    series = item(SeriesInstanceUID=first.SeriesInstanceUID)
    study = item(RTReferencedSeriesSequence=Items([series]))
    frame = item(RTReferencedStudySequence=Items([study]))
    data.ReferencedFrameOfReferenceSequence = Items([frame])
    data.StructureSetROISequence = Items(
        [item(ROINumber=number, ROIName=name) for number, name in enumerate(contours, start=5)]
    )
    data.ROIContourSequence = Items(
        [
            item(ReferencedROINumber=number, ContourSequence=Items(_contours(volume, polygons)))
            for number, polygons in enumerate(contours.values(), start=5)
        ]
    )
    for keyword, value in values.items():
        setattr(data, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def _contours(volume: Volume, polygons: list[Any]) -> list[pydicom.Dataset]:
    short = pydicom.valuerep.format_number_as_ds
    out = []
    for polygon in polygons:
        corners = np.asarray(polygon, float)
        points = np.c_[corners, np.ones(len(corners))] @ (LPS @ volume.grid.affine).T
        out.append(
            item(
                ContourGeometricType="CLOSED_PLANAR",
                NumberOfContourPoints=len(corners),
                ContourData=[short(float(v)) for v in points[:, :3].ravel()],
            )
        )
    return out
