"""The header of a single-file NIfTI-1 or NIfTI-2 image, checked before any voxel is read."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header

from regkit.errors import InputError
from regkit.io.formats.nifti.geometry import nifti_grid, unit_of
from regkit.io.formats.nifti.warps import SYMMETRIC, VECTOR_INTENTS, foreign_warp
from regkit.io.header import Header
from regkit.io.header_checks import check_claim, check_dims, check_spacing
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.sizes import product, size_text
from regkit.io.streams import inside_gzip, open_stream

_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8",
    256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_REFUSED = {
    1: "1-bit",
    32: "complex64",
    1536: "float128",
    1792: "complex128",
    2048: "complex256",
}
_COLOURS = {128: "RGB", 2304: "RGBA"}
_SECONDS = {8: 1.0, 16: 1e-3, 24: 1e-6}
_SINGLE_FILE = {348: 352, 540: 544}
# nibabel's own annotations stop short of its constructors.
_KINDS: tuple[tuple[int, Any], ...] = ((348, Nifti1Header), (540, Nifti2Header))


@dataclass(frozen=True)
class Layout:
    """Where the voxels of a NIfTI file are and how they are scaled.

    ``dims`` are the stored dimensions, first axis fastest; ``slope`` is None without scaling. The
    ``dtype`` of a coloured image has one field a channel.
    """

    dims: tuple[int, ...]
    dtype: np.dtype[np.generic]
    offset: int
    slope: float | None
    inter: float
    compressed: bool

    @property
    def nbytes(self) -> int:
        """How many bytes the voxels take, uncompressed."""
        return product(self.dims) * self.dtype.itemsize

    @property
    def value_type(self) -> str:
        """The type of the values: of a colour, of what is scaled, or as they are stored."""
        if self.dtype.names:
            return "uint8"
        return self.dtype.name if self.slope is None else "float32"

    @property
    def channels(self) -> int:
        """How many values a voxel has: colours side by side, or the fifth dimension."""
        return len(self.dtype.names) if self.dtype.names else product(self.dims[4:5])


def nifti_header(path: Path, options: ReadOptions) -> Header:
    """Check the header of an image and say what it holds; see :func:`regkit.io.preflight`."""
    name = display_name(path)
    compressed = inside_gzip(path)
    raw = raw_header(path, compressed=compressed)
    dims = _image_dims(raw, name, options)
    layout = layout_of(raw, path, compressed=compressed, max_bytes=options.max_bytes)
    frames, spatial = product(dims[3:4]), dims[:3]
    check_pixdim(raw, name, len(spatial))
    return Header(
        path,
        name,
        "NIfTI",
        nifti_grid(raw, name, spatial, options),
        _COLOURS.get(int(raw["datatype"]), layout.dtype.name),
        frames,
        channels=layout.channels,
        repetition=_repetition(raw) if frames > 1 else None,
        step=abs(layout.slope) if layout.slope and layout.dtype.kind in "iu" else 0.0,
        source=layout,
        options=options,
        value_type=layout.value_type,
        in_parts=not layout.compressed,
    )


def raw_header(path: Path, *, compressed: bool) -> Nifti1Header:
    """Read the header as it is stored; only its byte order is resolved.

    nibabel neither checks nor mends anything in it.

    Raises
    ------
    InputError
        If the file is shorter than a header or does not hold one.
    """
    name = display_name(path)
    with open_stream(path, name, compressed=compressed) as file:
        block = file.read(_SINGLE_FILE[540])
    for size, kind in _KINDS:
        for order in "<>":
            if struct.unpack(order + "i", block[:4])[0] == size:
                if len(block) < _SINGLE_FILE[size]:
                    raise InputError(
                        f"{name}: truncated header: {len(block)} of {_SINGLE_FILE[size]} bytes; "
                        "copy the file again"
                    )
                header: Nifti1Header = kind(block[:size], endianness=order, check=False)
                return header
    raise InputError(f"{name}: not a NIfTI file: its header size is neither 348 nor 540")


def layout_of(header: Nifti1Header, path: Path, *, compressed: bool, max_bytes: int) -> Layout:
    """Find type, dimensions, place and scaling of the voxels, and check them against the file.

    Parameters
    ----------
    header
        The header as it is stored.
    path
        The file.
    compressed
        Whether it is inside gzip.
    max_bytes
        The most that the voxels may take, uncompressed.

    Raises
    ------
    InputError
        If the type is not supported, the scaling is not finite, the voxels begin past the end, or
        they are more than the file can hold or ``max_bytes`` allows.
    """
    name = display_name(path)
    dims = stored_dims(header, name)
    slope, inter = _scaling(header, name)
    layout = Layout(dims, _dtype(header, name), _offset(header, name), slope, inter, compressed)
    found = path.stat().st_size
    if compressed:
        check_claim(
            name, layout.nbytes + layout.offset, found, compressed=True, max_bytes=max_bytes
        )
        return layout
    if layout.offset > found:
        raise InputError(
            f"{name}: vox_offset is {layout.offset}, past the end of the file "
            f"({size_text(found)}); fix the header or copy the file again"
        )
    check_claim(name, layout.nbytes, found - layout.offset, compressed=False, max_bytes=max_bytes)
    return layout


def stored_dims(header: Nifti1Header, name: str) -> tuple[int, ...]:
    """Return the dimensions that the header claims, two to seven of them, all positive.

    Raises
    ------
    InputError
        If there are fewer or more, or one is empty or negative.
    """
    ndim = int(header["dim"][0])
    if not 1 <= ndim <= 7:
        raise InputError(f"{name}: ndim is {ndim}; a NIfTI file has 1 to 7 dimensions")
    dims = tuple(int(n) for n in header["dim"][1 : ndim + 1])
    check_dims(name, dims)
    if len(dims) < 2:
        raise InputError(f"{name}: has only one dimension; an image has two or three")
    return dims


def check_pixdim(header: Nifti1Header, name: str, ndim: int) -> None:
    """Refuse a header whose spacing is unusable.

    Parameters
    ----------
    header
        The header as it is stored.
    name
        The file, for messages.
    ndim
        How many axes are spatial.

    Raises
    ------
    InputError
        If a spacing is not finite, not positive, or implausible in its unit.
    """
    factor = unit_of(header, name)
    check_spacing(name, [factor * float(s) for s in header["pixdim"][1 : ndim + 1]])


def _repetition(header: Nifti1Header) -> float | None:
    """Seconds between frames; None where the header does not say, or what it says is no time."""
    unit = _SECONDS.get(int(header["xyzt_units"]) & 56)
    step = float(header["pixdim"][4])
    return step * unit if unit and 0 < step < float("inf") else None


def _image_dims(header: Nifti1Header, name: str, options: ReadOptions) -> tuple[int, ...]:
    """Dimensions of an image: those of space, then frames, then values of a voxel."""
    dims = stored_dims(header, name)
    shape = "x".join(map(str, dims))
    warp = foreign_warp(header)
    named = options.channel is not None or options.channels is not None
    if warp is not None and options.frame is None and not named:
        raise InputError(f"{name}: holds {warp[0]} ({shape}), not an image; {warp[1]}")
    if max(dims[5:], default=1) > 1:
        raise InputError(f"{name}: has {len(dims)} dimensions ({shape}); allowed: 2 to 5")
    count = product(dims[4:5])
    vectors = int(header["intent_code"]) in VECTOR_INTENTS or (dims[3:4] == (1,) and count < 4)
    if count > 1 and vectors and not named:
        raise InputError(
            f"{name}: looks like a displacement field ({shape}), not an image; read it with "
            f"read_transform, or pass channel=N, N from 0 to {count - 1}, or channels='all', if it "
            "is one"
        )
    if count > 1 and int(header["intent_code"]) == SYMMETRIC.code and not named:
        raise InputError(
            f"{name}: holds symmetric matrices such as diffusion tensors ({shape}), not an image; "
            "`regkit apply --tensors` turns them, or pass channel=N or channels='all'"
        )
    return dims[: 5 if count > 1 else 4]


def _dtype(header: Nifti1Header, name: str) -> np.dtype[np.generic]:
    code = int(header["datatype"])
    if code in _COLOURS:
        return np.dtype([(letter, "u1") for letter in _COLOURS[code]])
    if code not in _TYPES:
        known = _REFUSED.get(code, "unknown")
        raise InputError(
            f"{name}: dtype {known} (datatype code {code}) is not supported; allowed: integers, "
            "float32, float64. Convert it to one real channel"
        )
    return np.dtype(str(header.endianness) + _TYPES[code])


def _offset(header: Nifti1Header, name: str) -> int:
    offset = float(header["vox_offset"])
    least = _SINGLE_FILE[int(header["sizeof_hdr"])]
    if not math.isfinite(offset) or offset < least:
        raise InputError(
            f"{name}: vox_offset is {offset:g}; it must be finite and at least {least}"
        )
    return int(offset)


def _scaling(header: Nifti1Header, name: str) -> tuple[float | None, float]:
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    # By the standard a slope of 0 means no scaling, and colours have none; nibabel writes NaN
    # for the same.
    if slope == 0 or math.isnan(slope) or int(header["datatype"]) in _COLOURS:
        return None, 0.0
    if not (math.isfinite(slope) and math.isfinite(inter)):
        raise InputError(
            f"{name}: scaling by slope {slope:g} and intercept {inter:g} overflows float32; "
            "fix scl_slope and scl_inter"
        )
    return (None, 0.0) if (slope, inter) == (1.0, 0.0) else (slope, inter)
