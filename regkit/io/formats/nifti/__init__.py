"""NIfTI: images of one file, and what warps of other programs look like in it."""

from __future__ import annotations

import struct
from pathlib import Path

from regkit.io.format import Format
from regkit.io.formats.nifti.frames import write_nifti_frames
from regkit.io.formats.nifti.geometry import NIFTI_UNITS
from regkit.io.formats.nifti.header import nifti_header
from regkit.io.formats.nifti.voxels import (
    read_nifti,
    read_nifti_series,
    verify_frames,
    write_channels,
    write_frames,
)


def _sniff(path: Path, start: bytes) -> bool:
    if len(start) < 4 or path.suffix.lower() == ".hdr":
        return False
    if start[344:347] == b"n+1" or start[4:7] == b"n+2":
        return True
    # A short file that begins like a header is called a cut one, not an unknown one.
    sizes = {struct.unpack(f"{order}i", start[:4])[0] for order in "<>"}
    return bool(sizes & {348, 540}) and len(start) < 352


NIFTI = Format(
    "NIfTI",
    (".nii", ".nii.gz"),
    _sniff,
    nifti_header,
    read_nifti,
    write_frames,
    verify_frames,
    writable=(".nii", ".nii.gz"),
    gzipped=(".nii.gz",),
    units=(*NIFTI_UNITS, "pixel"),
    any_name=True,
    series=True,
    write_channels=write_channels,
    read_series=read_nifti_series,
    write_frames=write_nifti_frames,
)
