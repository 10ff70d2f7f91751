"""Surfaces in GIFTI, read and written by nibabel: their points and normals, all else kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from nibabel.gifti.gifti import GiftiImage

from regkit.errors import InputError
from regkit.io.names import display_name
from regkit.io.point_formats.point_file import PointArray, PointFile, Space, read_bytes, space_of
from regkit.volume.points import Points

_MAX_BYTES = 1 << 31
_POINTS, _NORMALS = "NIFTI_INTENT_POINTSET", "NIFTI_INTENT_VECTOR"
_CENTRE = ("VolGeomC_R", "VolGeomC_A", "VolGeomC_S")


def read_gifti(path: Path, space: Space | None) -> PointFile:
    """Read the points of a surface, which GIFTI has in RAS+ mm.

    Raises
    ------
    InputError
        If it is no such file, has no points or several sets of them, or is in the surface space of
        FreeSurfer.
    """
    name = display_name(path)
    space_of(name, "RAS", space)
    data = read_bytes(path, _MAX_BYTES)
    try:
        image = GiftiImage.from_bytes(data)
        sets = image.get_arrays_from_intent(_POINTS)
    except Exception as error:  # expat, zlib and base64 each have errors of their own
        raise InputError(f"{name}: is no GIFTI file ({str(error)[:80]})") from error
    if len(sets) != 1 or np.shape(sets[0].data)[1:] != (3,):
        raise InputError(f"{name}: holds {len(sets)} sets of points; one surface is needed")
    _check_space(sets[0], name)
    points = np.asarray(sets[0].data, np.float64)
    if not len(points) or not np.isfinite(points).all():
        raise InputError(f"{name}: holds no point, or one that is not finite")
    vectors = [
        each for each in image.get_arrays_from_intent(_NORMALS) if each.data.shape == points.shape
    ]

    def rewritten(moved: PointArray, normals: PointArray) -> bytes:
        for array, values in ((sets[0], moved), *((each, normals) for each in vectors[:1])):
            array.data = values.astype(np.float32)
        return bytes(image.to_bytes())

    given = np.asarray(vectors[0].data, np.float64) if vectors else None
    return PointFile(Points(torch.from_numpy(points)), rewritten, given)


def _check_space(points: Any, name: str) -> None:
    """FreeSurfer's own coordinates begin at the centre of the volume that its metadata names."""
    meta = dict(points.meta)
    centre = [float(meta.get(word) or 0) for word in _CENTRE]
    code = points.coordsys.dataspace if points.coordsys is not None else 0
    if not code and any(centre):
        raise InputError(
            f"{name}: its points are in the surface space of FreeSurfer; write it with "
            "`mris_convert --to-scanner`"
        )
