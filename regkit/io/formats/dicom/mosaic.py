"""Siemens mosaics: one picture of all slices of a volume, taken apart.

A mosaic says the position of its own first pixel, as if the whole picture lay around the centre of
the first slice. How many slices there are and which way they go is in the private CSA header, which
nibabel reads.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.io.formats.dicom.files import DicomFile
from regkit.io.formats.dicom.slices import DicomSlice, Tile
from regkit.io.formats.dicom.tags import FrameTags

_PARALLEL = 1e-3
_MOST = 1 << 12  # slices of a volume


def is_mosaic(tags: FrameTags) -> bool:
    """Tell whether a file holds a picture of many slices."""
    return "MOSAIC" in (word.upper() for word in tags.words("ImageType"))


def slices_of_mosaic(file: DicomFile, whole: DicomSlice) -> list[DicomSlice]:
    """Take a mosaic apart.

    Parameters
    ----------
    file
        The mosaic.
    whole
        Its picture, as a slice.

    Raises
    ------
    InputError
        If its header does not say how many slices it has and where they lie.
    """
    step = FrameTags(file.name, (file.data,)).number("SpacingBetweenSlices", 0.0)
    count, normal = _said(file)
    across = math.ceil(math.sqrt(count))
    if whole.place is None or step <= 0 or any(size % across for size in whole.layout.shape):
        raise _unclear(file.name, "its size, position or SpacingBetweenSlices")
    place = whole.place
    if abs(abs(float(place.normal @ normal)) - 1) > _PARALLEL:
        raise _unclear(file.name, "its slices, which do not lie one above the other")
    columns, rows = (size // across for size in whole.layout.shape)
    inset = np.array([(across - 1) * columns / 2, (across - 1) * rows / 2]) * place.spacing
    first = place.position + inset @ place.along
    return [
        replace(
            whole,
            tile=Tile(number % across * columns, number // across * rows, columns, rows),
            place=replace(place, position=first + number * step * normal),
        )
        for number in range(count)
    ]


def _said(file: DicomFile) -> tuple[int, Matrix]:
    """How many slices there are, and the way ``(3,)`` from one to the next, LPS."""
    # Imported here, as nibabel warns when it is; what it reads is checked below.
    from nibabel.nicom.csareader import get_csa_header

    tags: dict[str, Any] = (get_csa_header(file.data) or {}).get("tags", {})
    names = ("NumberOfImagesInMosaic", "SliceNormalVector")
    number, normal = (tags.get(name, {}).get("items") or [] for name in names)
    if len(number) != 1 or len(normal) != 3 or not 1 <= int(number[0]) <= _MOST:
        raise _unclear(file.name, "how many slices it has, or which way they go (its CSA header)")
    return int(number[0]), np.array(normal, dtype=np.float64)


def _unclear(name: str, what: str) -> InputError:
    return InputError(
        f"{name}: is a mosaic, a picture of all slices of a volume, and does not say {what}; "
        "convert it with dcm2niix"
    )
