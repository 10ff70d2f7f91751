"""Analyze 7.5: an older pair of files that does not say which side is left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from nibabel.analyze import AnalyzeHeader
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.format import Format, Window
from regkit.io.header import Header
from regkit.io.header_checks import check_claim, check_dims, check_spacing
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.sizes import product
from regkit.io.stored import read_stored
from regkit.io.streams import open_stream
from regkit.io.text_header import own_data_file

_SIZE = 348
_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8"}
# Where SPM keeps a factor of all values, in a field that Analyze leaves free.
_SPM_SCALE = slice(112, 116)


@dataclass(frozen=True)
class _Layout:
    voxels: Path
    dtype: np.dtype[np.generic]
    offset: int


def analyze_header(path: Path, options: ReadOptions) -> Header:
    """Check the header, and refuse the image unless the user says how its axes lie.

    Raises
    ------
    InputError
        If that is not said, or the header or its file of voxels cannot be used.
    """
    name = display_name(path)
    raw = _raw(path, name)
    if not options.assume_ras:
        raise InputError(
            f"{name}: Analyze does not say which side is left; pass assume_ras=True if its axes "
            "point to right, anterior and superior, which is a guess"
        )
    dims = tuple(int(n) for n in raw["dim"][1 : 1 + int(np.clip(raw["dim"][0], 0, 7))])
    if len(dims) not in (2, 3, 4):
        raise InputError(f"{name}: has {len(dims)} dimensions; allowed: 2, 3 or 4")
    check_dims(name, dims)
    layout = _layout(path, name, raw)
    nbytes = product(dims) * layout.dtype.itemsize
    found = layout.voxels.stat().st_size - layout.offset
    check_claim(name, nbytes, found, compressed=False, max_bytes=options.max_bytes)
    spacing = [float(s) for s in raw["pixdim"][1 : 1 + min(len(dims), 3)]]
    check_spacing(name, spacing)
    grid = Grid(dims[:3], np.diag([*spacing, 1.0]))
    return Header(
        path, name, "Analyze", grid, layout.dtype.name, product(dims[3:4]),
        source=layout, options=options,
        value_type=layout.dtype.name, beside=(layout.voxels,), in_parts=True,
    )  # fmt: skip


def read_analyze(header: Header, window: Window, level: int) -> NDArray[Any]:
    """Read the voxels of one frame from the .img file of an Analyze pair.

    Parameters
    ----------
    header, window, level
        As of :attr:`regkit.io.format.Format.read`.

    Raises
    ------
    InputError
        If the file cannot be read, or its data end early.
    """
    layout, shape = cast(_Layout, header.source), header.grid.shape
    start = layout.offset + header.frame * product(shape) * layout.dtype.itemsize
    found = read_stored(layout.voxels, header.name, layout.dtype, shape, start, window=window)
    return found.astype(found.dtype.newbyteorder("="), copy=False)


def _raw(path: Path, name: str) -> Any:
    with open_stream(path, name, compressed=False) as file:
        block = file.read(_SIZE)
    order = "<" if block[:4] == _SIZE.to_bytes(4, "little") else ">"
    return cast(Any, AnalyzeHeader)(block, endianness=order, check=False)


def _layout(path: Path, name: str, raw: Any) -> _Layout:
    code, offset = int(raw["datatype"]), float(raw["vox_offset"])
    if code not in _TYPES:
        raise InputError(f"{name}: datatype code {code} is not supported; allowed: real numbers")
    if not (offset >= 0 and offset.is_integer()):
        raise InputError(f"{name}: vox_offset is {offset:g}; it must be a whole number, 0 or more")
    order = raw.endianness
    scale = float(np.frombuffer(raw.binaryblock[_SPM_SCALE], f"{order}f4")[0])
    if scale not in (0, 1):
        raise InputError(f"{name}: scales its values by {scale:g}, as SPM does; convert it to .nii")
    voxels = own_data_file(path, f"{path.stem}.img")
    return _Layout(voxels, np.dtype(f"{order}{_TYPES[code]}"), int(offset))


def _sniff(path: Path, start: bytes) -> bool:
    sizes = (int.from_bytes(start[:4], order) for order in ("little", "big"))
    return len(start) >= _SIZE and _SIZE in sizes and start[344:347] not in (b"ni1", b"n+1")


ANALYZE = Format("Analyze", (".hdr",), _sniff, analyze_header, read_analyze)
