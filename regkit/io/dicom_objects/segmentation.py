"""Labels as a DICOM segmentation on the images of fixed."""

from __future__ import annotations

from typing import Any

import numpy as np

from regkit.errors import InputError
from regkit.io.dicom_objects.derived import Making, new_object, refer_to
from regkit.io.dicom_objects.image_series import slice_geometry
from regkit.io.dicom_objects.items import code, decimals, item
from regkit.io.dicom_objects.source import DicomSource
from regkit.volume import Labels

_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
_STRUCTURE = ("91723000", "SCT", "Anatomical structure")


def segmentation_object(labels: Labels, fixed: DicomSource, making: Making, *, name: str) -> Any:
    """Make a binary segmentation with one segment a label; slices without one are left out.

    Parameters
    ----------
    labels
        On the grid of fixed, with the names of their values where these are known.
    fixed
        The series whose frame of reference it has.
    making
        When and of what it is made.
    name
        A word for it among several.

    Raises
    ------
    InputError
        If there is no label.
    """
    values = labels.values
    if not values:
        raise InputError(f"{labels.name}: holds no structure; there is no segmentation to write")
    stored = labels.data[0].numpy().transpose(2, 1, 0)
    frames = [
        (number, k) for number, value in enumerate(values, start=1)
        for k in np.flatnonzero((stored == value).any(axis=(1, 2))).tolist()
    ]  # fmt: skip
    masks = np.stack([stored[k] == values[number - 1] for number, k in frames])
    out = new_object(
        _SEGMENTATION, fixed, making, series="segmentation", instance=name, Modality="SEG",
        SeriesNumber=int(fixed.tags.number("SeriesNumber", 0)) + 3000, InstanceNumber=1,
        SeriesDescription="Warped labels", ContentLabel="SEGMENTATION", ContentCreatorName="",
        ContentDescription="Warped by regkit", ImageType=["DERIVED", "PRIMARY"],
        SegmentationType="BINARY", SegmentsOverlap="NO", LossyImageCompression="00",
        SegmentSequence=[_segment(n, labels.names.get(v, f"Label {v}"))
                         for n, v in enumerate(values, start=1)],
        **_bits(masks), **_groups(labels, frames, making),
    )  # fmt: skip
    refer_to(out, (fixed,))
    return out


def _segment(number: int, name: str) -> Any:
    return item(
        SegmentNumber=number,
        SegmentLabel=name[:64],
        SegmentAlgorithmType="AUTOMATIC",
        SegmentAlgorithmName="regkit",
        SegmentedPropertyCategoryCodeSequence=code(*_STRUCTURE),
        SegmentedPropertyTypeCodeSequence=code(*_STRUCTURE),
    )


def _bits(masks: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, Any]:
    """The elements of frames ``(n, rows, columns)``, eight voxels a byte."""
    packed = np.packbits(masks.ravel(), bitorder="little").tobytes()
    return {
        "NumberOfFrames": masks.shape[0], "Rows": masks.shape[1], "Columns": masks.shape[2],
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 1,
        "BitsStored": 1, "HighBit": 0, "PixelRepresentation": 0,
        "PixelData": packed + bytes(len(packed) % 2),
    }  # fmt: skip


def _groups(labels: Labels, frames: list[tuple[int, int]], making: Making) -> dict[str, Any]:
    """Where frames lie and which segment each is of; slices are counted along the third axis."""
    organisation = making.uid("dimensions")
    where = slice_geometry(labels.grid, 0)
    pointers = ((0x0062000B, 0x0062000A), (0x00200032, 0x00209113))
    measures = item(
        PixelSpacing=where["PixelSpacing"],
        SliceThickness=where["SliceThickness"],
        SpacingBetweenSlices=decimals(labels.grid.spacing[2:])[0],
    )
    orientation = item(ImageOrientationPatient=where["ImageOrientationPatient"])
    return {
        "DimensionOrganizationSequence": [item(DimensionOrganizationUID=organisation)],
        "DimensionIndexSequence": [
            item(
                DimensionOrganizationUID=organisation,
                DimensionIndexPointer=pointer,
                FunctionalGroupPointer=group,
            )
            for pointer, group in pointers
        ],
        "SharedFunctionalGroupsSequence": [
            item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[orientation])
        ],
        "PerFrameFunctionalGroupsSequence": [_frame(labels, *frame) for frame in frames],
    }


def _frame(labels: Labels, number: int, k: int) -> Any:
    position = slice_geometry(labels.grid, k)["ImagePositionPatient"]
    return item(
        PlanePositionSequence=[item(ImagePositionPatient=position)],
        SegmentIdentificationSequence=[item(ReferencedSegmentNumber=number)],
        FrameContentSequence=[item(DimensionIndexValues=[number, k + 1])],
    )
