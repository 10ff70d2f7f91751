"""DICOM in: which reader a series has, as an image, a segmentation or a structure set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from regkit.io.format import Window
from regkit.io.formats.dicom.contours import contours_header
from regkit.io.formats.dicom.files import dicom_errors
from regkit.io.formats.dicom.fractions import Fractions, read_fractions
from regkit.io.formats.dicom.images import image_header, read_image
from regkit.io.formats.dicom.segments import segments_header
from regkit.io.formats.dicom.series import STRUCTURE_SET, DicomSeries, chosen_series
from regkit.io.formats.dicom.structures import Painting, paint
from regkit.io.header import Header
from regkit.io.names import display_name
from regkit.io.options import ReadOptions


def dicom_header(path: Path, options: ReadOptions) -> Header:
    """Check the headers of a series and find its grid, in RAS+ mm.

    Parameters
    ----------
    path
        A folder, a DICOMDIR, one file of a series, or a file of many frames.
    options
        Which series is meant, and what else the user allows.

    Raises
    ------
    InputError
        If no single series is meant, a file is damaged, or its slices make no grid.
    """
    with dicom_errors(display_name(path)):
        return series_header(path, chosen_series(path, options), options)


def series_header(path: Path, series: DicomSeries, options: ReadOptions) -> Header:
    """Check the headers of one series of a path; see :func:`dicom_header`.

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
    if series.kind == STRUCTURE_SET:
        return contours_header(path, series, options)
    reader = segments_header if series.is_labels else image_header
    return reader(path, series, options)


def read_dicom(header: Header, window: Window, level: int) -> NDArray[Any]:
    """Read the values of one frame of a series, or the labels of structures.

    Parameters
    ----------
    header, window, level
        As of :attr:`regkit.io.format.Format.read`.

    Returns
    -------
    NDArray
        ``(*window)`` in the type that the header promised.

    Raises
    ------
    InputError
        If a file is cut or damaged, or cannot be decoded; or structures overlap.
    """
    with dicom_errors(header.name):
        if isinstance(header.source, Painting):
            return paint(header)[window]
        if isinstance(header.source, Fractions):
            return read_fractions(header, window)
        return read_image(header, window)
