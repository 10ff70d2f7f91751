"""Displacement fields that ITK keeps as images of vectors: NRRD and MetaImage."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import torch

from regkit.errors import InputError
from regkit.io.fields import flip_components
from regkit.io.formats.table import format_called
from regkit.io.header import Header
from regkit.io.nifti_vectors import check_vectors
from regkit.io.preflight import read_header
from regkit.io.text_header import TextHeader
from regkit.io.transform_format import UNKNOWN_PAIR, ImagePair, TransformFormat
from regkit.transforms import DisplacementField


def read_itk_field(path: Path, pair: ImagePair = UNKNOWN_PAIR) -> DisplacementField:
    """Read a displacement field, fixed to moving, from a NRRD or MetaImage file of vectors.

    The vectors of the file are in LPS mm as ITK takes them, those of the field in RAS+ mm. The
    images of ``pair`` are not needed.

    Raises
    ------
    InputError
        If it is no image of vectors, or its vectors may be meant in another world or unit.
    """
    header = read_header(path)
    _check_vectors_known(header)
    read = format_called(header.format).read
    window = tuple(slice(0, size) for size in header.grid.shape)
    parts = [read(header.of(frame=0, channel=n), window, 0) for n in range(header.channels)]
    with np.errstate(over="ignore"):  # becomes infinite, which is refused below
        u = torch.from_numpy(np.stack(parts).astype(np.float32))
    return DisplacementField(flip_components(check_vectors(header.name, u)), header.grid)


def _check_vectors_known(header: Header) -> None:
    name, text = header.name, cast(TextHeader, header.source)
    if header.channels != header.grid.ndim or header.frames > 1 or text.dtype.kind != "f":
        raise InputError(
            f"{name}: is not a displacement field: it has {header.channels} channels of "
            f"{text.dtype.name} in {header.frames} frames; needed: one float a dimension"
        )
    if not text.vectors_in_lps or text.millimetres != 1:
        raise InputError(
            f"{name}: its vectors may be meant in another frame or unit than ITK's (LPS, mm); "
            "store it with space left-posterior-superior and without units or measurement frame"
        )


ITK_FIELD = TransformFormat(
    "itk", "ITK field", (".nrrd", ".nhdr", ".mha", ".mhd"), read_itk_field, dimensions=(2, 3)
)
