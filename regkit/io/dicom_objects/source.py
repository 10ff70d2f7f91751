"""DicomSource: a series that results refer to, and what of it they carry on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from regkit.errors import InputError
from regkit.io.dicom_objects.items import item
from regkit.io.formats.dicom.files import dicom_errors, open_dicom
from regkit.io.formats.dicom.stack import SliceStack
from regkit.io.formats.dicom.tags import FrameTags, frame_tags
from regkit.io.header import Header


@dataclass(frozen=True, eq=False)
class DicomSource:
    """A series whose images results refer to.

    Parameters
    ----------
    name
        What messages call it.
    tags
        What its first frame says.
    images
        The class and the instance UID of each of its files.
    """

    name: str
    tags: FrameTags
    images: tuple[tuple[str, str], ...]

    @property
    def study(self) -> str:
        """The UID of its study."""
        return self.tags.word("StudyInstanceUID")

    @property
    def series(self) -> str:
        """Its own UID."""
        return self.tags.word("SeriesInstanceUID")

    @property
    def space(self) -> str:
        """The UID of its frame of reference."""
        return self.tags.word("FrameOfReferenceUID")

    @property
    def patient(self) -> tuple[str, str]:
        """What tells whether two series are of one patient."""
        return self.tags.word("PatientID"), self.tags.word("PatientName")


def open_source(header: Header) -> DicomSource:
    """Read what results need to know of the series of a header.

    Raises
    ------
    InputError
        If it is no DICOM image, or has no frame of reference.
    """
    if header.format != "DICOM" or not isinstance(header.source, SliceStack):
        raise InputError(
            f"{header.name}: is no DICOM image; results go back to a PACS beside images that came "
            "from one"
        )
    with dicom_errors(header.name):
        files = [open_dicom(path) for path in header.beside]
        images = tuple((str(f.data.SOPClassUID), str(f.data.SOPInstanceUID)) for f in files)
        source = DicomSource(header.name, frame_tags(files[0])[0], images)
        for what in ("FrameOfReferenceUID", "StudyInstanceUID", "SeriesInstanceUID"):
            if not source.tags.word(what):
                raise InputError(f"{header.name}: has no {what}; no result can refer to it")
    return source


def check_one_patient(fixed: DicomSource, moving: DicomSource) -> None:
    """Refuse two series of two patients; the message says nothing of either.

    Raises
    ------
    InputError
        If their PatientID or PatientName differ.
    """
    if fixed.patient != moving.patient:
        raise InputError(
            f"{fixed.name} and {moving.name} are of two patients by PatientID and PatientName; a "
            "result for a PACS is of one. Correct the tags if they are of the same"
        )


def image_items(images: Sequence[tuple[str, str]], **more: Any) -> list[Any]:
    """Items that refer to images, each with these further elements."""
    return [
        item(ReferencedSOPClassUID=kind, ReferencedSOPInstanceUID=uid, **more)
        for kind, uid in images
    ]
