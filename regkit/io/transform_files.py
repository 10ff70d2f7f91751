"""What a transform file of ITK declares, found out before SimpleITK may open it.

libhdf5 follows links into other files, ITK's text reader opens the files that it is told to,
and of several transforms in a row SimpleITK takes the first and only prints a warning.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

from regkit.errors import InputError, require
from regkit.io.header import MAX_DEFLATE, product
from regkit.io.names import display_name

HDF5 = (".h5", ".hdf5")
TEXT = (".tfm", ".txt")
MATLAB = (".mat",)

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_TEXT_MAGIC = b"#Insight Transform File"
_MAX_TEXT = 1 << 22
# /TransformGroup/<number>/<data set> is all that ITK writes; a loop of links has no end.
_MAX_DEPTH = 3


def declared_types(path: Path, suffix: str) -> list[str]:
    """Names of the transforms in a file, such as ``AffineTransform_double_3_3``.

    Raises
    ------
    InputError
        If the file is not a transform of ITK, points into other files, or holds several
        transforms outside a composite.
    """
    reader = {HDF5: _hdf5_types, TEXT: _text_types, MATLAB: _matlab_types}
    types = next(read for suffixes, read in reader.items() if suffix in suffixes)(path)
    if not types:
        raise _not_a_transform(path, "it names no transform")
    for kind in types:
        if not re.fullmatch(r"\w+_(double|float)_\d_\d", kind, flags=re.ASCII):
            raise _not_a_transform(path, f"it names a transform {kind[:60]!a}")
    if len(types) > 1 and not types[0].startswith("CompositeTransform_"):
        raise InputError(
            f"{display_name(path)}: holds {len(types)} transforms outside a composite "
            f"({', '.join(types[:3])}); put them into one composite, or into a file each"
        )
    return types


def _not_a_transform(path: Path, why: str) -> InputError:
    return InputError(f"{display_name(path)}: is not an ITK transform: {why}")


def _text_types(path: Path) -> list[str]:
    if path.stat().st_size > _MAX_TEXT:
        raise _not_a_transform(path, f"an affine takes less than {_MAX_TEXT} bytes of text")
    content = path.read_bytes()
    if not content.startswith(_TEXT_MAGIC):
        raise _not_a_transform(path, "its first line is not '#Insight Transform File V1.0'")
    if b"ComponentTransformFile" in content:
        raise InputError(
            f"{display_name(path)}: refers to other files (ComponentTransformFile); convert "
            "it to .h5"
        )
    text = content.decode("utf-8", errors="replace")
    return re.findall(r"^\s*Transform\s*:\s*(\S+)", text, flags=re.MULTILINE)


def _matlab_types(path: Path) -> list[str]:
    """Variable names of a Matlab 4 file: five 32-bit numbers, the name, the values, repeated."""
    if path.stat().st_size > _MAX_TEXT:
        raise _not_a_transform(path, f"an affine takes less than {_MAX_TEXT} bytes")
    content, at, names = path.read_bytes(), 0, []
    while at + 20 <= len(content):
        kind, rows, columns, _, length = struct.unpack("<5i", content[at : at + 20])
        size = {0: 8, 10: 4}.get(kind)
        if size is None or min(rows, columns) < 0 or not 1 <= length <= 256:
            raise _not_a_transform(path, "it is not in Matlab 4 format, as ANTs and ITK write it")
        names.append(content[at + 20 : at + 19 + length].decode("ascii", errors="replace"))
        at += 20 + length + rows * columns * size
    if at != len(content):
        raise _not_a_transform(path, "its data are cut")
    return [name for name in names if name != "fixed"]


def _hdf5_types(path: Path) -> list[str]:
    with path.open("rb") as start:
        magic = start.read(len(_HDF5_MAGIC))
    if magic != _HDF5_MAGIC:
        raise _not_a_transform(path, "it is not an HDF5 file")
    h5py = require("h5py", extra="all")
    try:
        with h5py.File(path, "r") as file:
            _check_links(path, h5py, file, 0)
            return _types_of_groups(path, file)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise _not_a_transform(path, f"it is damaged ({str(error).splitlines()[0]})") from error


def _check_links(path: Path, h5py: Any, group: Any, depth: int) -> None:
    name = display_name(path)
    if depth >= _MAX_DEPTH:
        raise _not_a_transform(path, f"its groups are nested more than {_MAX_DEPTH} deep")
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise InputError(f"{name}: {key!r} is a link to elsewhere; links are refused")
        item = group[key]
        if isinstance(item, h5py.Group):
            _check_links(path, h5py, item, depth + 1)
        elif item.is_virtual or item.external:
            raise InputError(f"{name}: {key!r} is stored in another file; that is refused")
        elif item.nbytes > MAX_DEFLATE * path.stat().st_size:
            raise InputError(
                f"{name}: {key!r} claims {item.nbytes} bytes, found {path.stat().st_size}; the "
                "file is cut or its header is damaged"
            )


def _types_of_groups(path: Path, file: Any) -> list[str]:
    if "TransformGroup" not in file:
        raise _not_a_transform(path, "it has no TransformGroup")
    groups, types = file["TransformGroup"], []
    for key in sorted(groups, key=int):
        kind = groups[key]["TransformType"][0]
        types.append(kind.decode("utf-8", errors="replace") if isinstance(kind, bytes) else kind)
        _check_field_size(path, groups[key], types[-1])
    return types


def _check_field_size(path: Path, group: Any, kind: str) -> None:
    if not kind.startswith("DisplacementFieldTransform_"):
        return
    ndim = int(kind.rsplit("_", 1)[1])
    sizes = [int(n) for n in group["TransformFixedParameters"][:ndim]]
    values = group["TransformParameters"].size
    if product(sizes) * ndim != values:
        raise InputError(
            f"{display_name(path)}: a field of {'x'.join(map(str, sizes))} voxels needs "
            f"{product(sizes) * ndim} values, found {values}; the file is damaged"
        )
