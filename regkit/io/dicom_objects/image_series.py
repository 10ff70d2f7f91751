"""A resampled image as a series of slices that a PACS takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.dicom_objects.derived import Making, new_object
from regkit.io.dicom_objects.items import code, decimals
from regkit.io.dicom_objects.source import DicomSource, image_items
from regkit.io.lps import lps
from regkit.volume import Volume

_KINDS = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}
# What stays true of an image that is resampled; the first that a reader asks for.
_KEPT = (
    "BodyPartExamined", "ProtocolName", "ContrastBolusAgent", "WindowCenter", "WindowWidth",
    "KVP", "ConvolutionKernel", "ScanningSequence", "SequenceVariant", "ScanOptions",
    "MRAcquisitionType", "SequenceName", "RepetitionTime", "EchoTime", "InversionTime",
    "FlipAngle", "EchoTrainLength", "MagneticFieldStrength", "Units", "DecayCorrection",
    "CorrectedImage", "CountsSource", "SeriesType", "CollimatorType", "AttenuationCorrectionMethod",
    "RadiopharmaceuticalInformationSequence", "DecayFactor", "FrameReferenceTime",
    "AcquisitionDate", "AcquisitionTime",
)  # fmt: skip


def resampled_series(
    warped: Volume, fixed: DicomSource, moving: DicomSource, making: Making
) -> Iterator[Any]:
    """Make one object a slice of an image on the grid of fixed, in the modality of moving.

    Parameters
    ----------
    warped
        One channel, in the units of ``moving``: Hounsfield units of a CT.
    fixed
        The series whose study and frame of reference the result has.
    moving
        The series that it was made of.
    making
        When and of what it is made.

    Raises
    ------
    InputError
        If it has colours, or no class of image is known for its modality.
    """
    modality = moving.tags.word("Modality")
    if modality not in _KINDS or warped.channels > 1 or warped.ndim != 3:
        raise InputError(
            f"{moving.name}: is {modality or 'of no modality'} with {warped.channels} channel(s); "
            f"series are written of {', '.join(_KINDS)} with one channel, in 3-D"
        )
    stored, slope = stored_values(warped.data[0].numpy())
    common = _common(modality, moving, making) | _scale(modality, slope)
    for number in range(warped.shape[2]):
        yield new_object(
            _KINDS[modality], fixed, making, series="warped", instance=number,
            InstanceNumber=number + 1, **common, **_pixels(stored[..., number]),
            **slice_geometry(warped.grid, number),
        )  # fmt: skip


def stored_values(values: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """Give 16-bit numbers and the slope that makes values of them; whole numbers stay as they are.

    Others are rounded to a 65 535th of the largest, or a 32 767th where some are negative.

    Examples
    --------
    >>> stored_values(np.array([-1000.0, 40.0]))[1]
    1.0
    """
    low, high = float(values.min()), float(values.max())
    kind = np.dtype(np.int16 if low < 0 or high <= np.iinfo(np.int16).max else np.uint16)
    ends = np.iinfo(kind)
    if ends.min <= low and high <= ends.max and bool((values == np.rint(values)).all()):
        return values.astype(kind), 1.0
    kind = np.dtype(np.int16 if low < 0 else np.uint16)
    slope = float(f"{max(abs(low), high) / np.iinfo(kind).max or 1.0:.9e}")
    ends = np.iinfo(kind)
    return np.clip(np.rint(values / slope), ends.min, ends.max).astype(kind), slope


def slice_geometry(grid: Grid, number: int) -> dict[str, Any]:
    """Where a slice of a grid lies, as the elements of a DICOM image have it."""
    affine = lps(3) @ grid.affine
    along = affine[:3, :2] / np.array(grid.spacing[:2])
    return {
        "ImageOrientationPatient": decimals(along.T.ravel()),
        "ImagePositionPatient": decimals((affine @ [0, 0, number, 1])[:3]),
        "PixelSpacing": decimals(grid.spacing[1::-1]),
        "SliceThickness": decimals(grid.spacing[2:])[0],
    }


def _common(modality: str, moving: DicomSource, making: Making) -> dict[str, Any]:
    purpose = code("121322", "DCM", "Source image for image processing operation")
    kept = {keyword: moving.tags.find(keyword) for keyword in _KEPT}
    described = moving.tags.word("SeriesDescription")
    number = moving.tags.number("SeriesNumber", 0)
    return {keyword: value for keyword, value in kept.items() if value is not None} | {
        "Modality": modality,
        "SeriesNumber": int(number) + 1000,
        "SeriesDescription": f"{described[:50]} registered".strip(),
        "ImageType": ["DERIVED", "SECONDARY", "AXIAL" if modality == "CT" else "OTHER"],
        "DerivationDescription": f"Resampled on the grid of another series by regkit "
        f"{making.version}",
        "SourceImageSequence": image_items(moving.images, PurposeOfReferenceCodeSequence=purpose),
    }


def _scale(modality: str, slope: float) -> dict[str, Any]:
    kind = {"RescaleType": "HU"} if modality == "CT" else {}
    return {"RescaleIntercept": "0", "RescaleSlope": decimals([slope])[0], **kind}


def _pixels(stored: NDArray[Any]) -> dict[str, Any]:
    """The elements of pixels ``(columns, rows)``."""
    rows = np.ascontiguousarray(stored.T)
    return {
        "Rows": rows.shape[0],
        "Columns": rows.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": int(rows.dtype.kind == "i"),
        "PixelData": rows.astype(rows.dtype.newbyteorder("<")).tobytes(),
    }
