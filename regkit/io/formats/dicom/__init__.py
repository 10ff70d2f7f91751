"""DICOM: series of slices, files of many frames, and the folders that hold them."""

from regkit.io.format import Format
from regkit.io.formats.dicom.files import sniff_dicom
from regkit.io.formats.dicom.listing import list_series
from regkit.io.formats.dicom.opened import dicom_header, read_dicom

DICOM = Format(
    "DICOM",
    (".dcm", ".ima"),
    sniff_dicom,
    dicom_header,
    read_dicom,
    any_name=True,
    contents=list_series,
)
