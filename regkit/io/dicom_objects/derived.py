"""New DICOM objects in the study of the fixed image: whose they are, and UIDs of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from regkit.errors import require
from regkit.io.dicom_objects.items import item
from regkit.io.dicom_objects.source import DicomSource, image_items

# What an object has from its patient, its study and its frame of reference.
_KEPT = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge",
    "PatientWeight", "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription",
    "AccessionNumber", "ReferringPhysicianName", "FrameOfReferenceUID",
    "PositionReferenceIndicator", "PatientPosition",
)  # fmt: skip
# May be empty, but not missing.
_EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator",
)  # fmt: skip
_EXPLICIT = "1.2.840.10008.1.2.1"


@dataclass(frozen=True)
class Making:
    """When objects are made, and of what: the same gives the same UIDs.

    Parameters
    ----------
    moment
        Date and time.
    digest
        A word for all that they are made of.
    version
        Of regkit.
    """

    moment: datetime
    digest: str
    version: str

    def uid(self, *words: object) -> str:
        """A UID of its own for each word, and for each moment and digest."""
        entropy = [self.moment.isoformat(), self.digest, *map(str, words)]
        return str(require("pydicom.uid", extra="dicom").generate_uid(entropy_srcs=entropy))


def new_object(
    kind: str, fixed: DicomSource, making: Making, *, series: str, instance: object, **values: Any
) -> Any:
    """Make an object in the study and the frame of reference of the fixed image.

    Parameters
    ----------
    kind
        The UID of its class.
    fixed
        The series whose patient, study and frame of reference it has.
    making
        When and of what it is made.
    series
        A word for the series that it is part of.
    instance
        A word for it in its series.
    values
        Its further elements.
    """
    dataset = require("pydicom.dataset", extra="dicom")
    meta = dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = kind, _EXPLICIT
    meta.MediaStorageSOPInstanceUID = making.uid(series, instance)
    out = dataset.FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    for keyword in _KEPT:
        value = fixed.tags.find(keyword)
        if value is not None or keyword in _EMPTY:
            setattr(out, keyword, "" if value is None else value)
    out.SpecificCharacterSet = "ISO_IR 192"  # UTF-8, whatever fixed has
    out.SOPClassUID, out.SOPInstanceUID = kind, meta.MediaStorageSOPInstanceUID
    out.SeriesInstanceUID = making.uid(series)
    day, time = making.moment.strftime("%Y%m%d"), making.moment.strftime("%H%M%S")
    out.SeriesDate = out.ContentDate = out.InstanceCreationDate = day
    out.SeriesTime = out.ContentTime = out.InstanceCreationTime = time
    out.Manufacturer, out.ManufacturerModelName = "regkit", "regkit"
    out.DeviceSerialNumber, out.SoftwareVersions = "0", making.version
    for keyword, value in values.items():
        setattr(out, keyword, value)
    return out


def refer_to(data: Any, sources: Sequence[DicomSource]) -> None:
    """Name in an object all images that it refers to, by series, those of other studies apart."""
    studies: dict[str, list[Any]] = defaultdict(list)
    for source in {each.series: each for each in sources}.values():
        series = item(
            SeriesInstanceUID=source.series, ReferencedInstanceSequence=image_items(source.images)
        )
        studies[source.study].append(series)
    own = studies.pop(str(data.StudyInstanceUID), [])
    if own:
        data.ReferencedSeriesSequence = own
    if studies:
        data.StudiesContainingOtherReferencedInstancesSequence = [
            item(StudyInstanceUID=uid, ReferencedSeriesSequence=series)
            for uid, series in studies.items()
        ]


def write_object(data: Any, path: Path) -> None:
    """Write an object as a DICOM file."""
    data.save_as(path, enforce_file_format=True)
