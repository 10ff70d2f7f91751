"""MetaImage, attached (.mha) or detached (.mhd)."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np

from regkit.errors import InputError
from regkit.io.format import Format
from regkit.io.itk import itk_header, read_itk
from regkit.io.itk_writing import verify_itk, write_itk
from regkit.io.names import display_name
from regkit.io.text_header import (
    TextHeader,
    header_lines,
    numbers,
    own_data_file,
    required_field,
    whole_numbers,
)
from regkit.io.units import millimetres

_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_BYTE_ORDER = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
# What MetaIO reads of each axis, or of each pair of axes, whatever line the numbers are on.
_BY_AXIS = ("ElementSpacing", "ElementSize", "Offset", "Position", "Origin", "CenterOfRotation")
_BY_PAIR = ("TransformMatrix", "Rotation", "Orientation")
_ONLY = {
    "BinaryData": "True",
    "HeaderSize": "0",
}


def metaimage_header(path: Path) -> TextHeader:
    """Read and check the header of a MetaImage file.

    What is optional has the value that MetaIO gives it: a spacing of ``ElementSize`` or else 1,
    axes along those of ITK's world.

    Raises
    ------
    InputError
        If a field is missing, twice there, unsupported or unusable.
    """
    fields, end = _fields(path)
    name = display_name(path)
    for key, allowed in _ONLY.items():
        if fields.get(key, allowed).lower() != allowed.lower():
            raise InputError(f"{name}: {key} is {fields[key]}; only {allowed} is supported")
    channels, dims = _channels(path, fields), _dims(path, fields)
    _check_counts(path, fields, len(dims))
    source = fields["ElementDataFile"]
    local = source.lower() == "local"
    return TextHeader(
        dims if channels == 1 else (channels, *dims),
        None if channels == 1 else 0,
        _dtype(name, fields),
        fields.get("CompressedData", "False").lower() == "true",
        _spacing(path, fields, len(dims)),
        True,
        path if local else own_data_file(path, source),
        end if local else 0,
        millimetres(name, "DistanceUnits", [fields.get("DistanceUnits", "")]),
        _data_size(path, fields),
    )


def _dims(path: Path, fields: dict[str, str]) -> tuple[int, ...]:
    name = display_name(path)
    dims = whole_numbers(path, "DimSize", required_field(fields, "DimSize", name))
    if fields.get("NDims") != str(len(dims)):
        raise InputError(
            f"{name}: NDims is {fields.get('NDims')}, but DimSize has {len(dims)}; it is damaged"
        )
    return dims


def _check_counts(path: Path, fields: dict[str, str], ndim: int) -> None:
    """Refuse too few numbers, for which MetaIO would take those of the next field."""
    wanted = {**dict.fromkeys(_BY_AXIS, ndim), **dict.fromkeys(_BY_PAIR, ndim**2)}
    for key in wanted.keys() & fields.keys():
        found = len(numbers(path, key, fields[key]))
        if found != wanted[key]:
            raise InputError(
                f"{display_name(path)}: {key} has {found} numbers, and {ndim} axes need "
                f"{wanted[key]}; it is damaged"
            )


def _dtype(name: str, fields: dict[str, str]) -> np.dtype[np.generic]:
    kind = required_field(fields, "ElementType", name)
    if kind not in _TYPES:
        raise InputError(f"{name}: ElementType {kind} is not supported; allowed: real numbers")
    largest_first = any(fields.get(key, "False").lower() in ("true", "1") for key in _BYTE_ORDER)
    return np.dtype(f"{'>' if largest_first else '<'}{_TYPES[kind]}")


def _spacing(path: Path, fields: dict[str, str], ndim: int) -> tuple[float, ...]:
    for key in ("ElementSpacing", "ElementSize"):
        if key in fields:
            return numbers(path, key, fields[key])
    return (1.0,) * ndim


def _data_size(path: Path, fields: dict[str, str]) -> int | None:
    key = "CompressedDataSize"
    if key not in fields:
        return None
    found = whole_numbers(path, key, fields[key])
    if len(found) != 1 or found[0] < 1:
        raise InputError(
            f"{display_name(path)}: {key} is {fields[key]}; it must be one number, 1 or more"
        )
    return found[0]


def _channels(path: Path, fields: dict[str, str]) -> int:
    text = fields.get("ElementNumberOfChannels", "1")
    found = whole_numbers(path, "ElementNumberOfChannels", text)
    if len(found) != 1 or found[0] < 1:
        raise InputError(
            f"{display_name(path)}: ElementNumberOfChannels is {text}; it must be one number, "
            "1 or more"
        )
    return found[0]


def _fields(path: Path) -> tuple[dict[str, str], int]:
    name, fields = display_name(path), dict[str, str]()
    for number, (line, end) in enumerate(header_lines(path), start=1):
        # Not only words: ITK hands on what it found in a NIfTI header, such as dim[0].
        found = re.fullmatch(r"\s*([^=]+?)\s*=\s*(.*?)\s*", line)
        if not found or found[1] in fields:
            raise InputError(f"{name}: line {number} of its header is damaged or repeats a field")
        fields[found[1]] = found[2]
        # The format ends its header with this field.
        if found[1] == "ElementDataFile":
            return fields, end
    raise InputError(f"{name}: truncated header: no ElementDataFile ends it; copy the file again")


def _sniff(path: Path, start: bytes) -> bool:
    line = start.split(b"\n", 1)[0].replace(b" ", b"")
    return line.startswith((b"ObjectType=", b"NDims=", b"Comment=", b"ObjectSubType="))


def _beside(path: Path) -> tuple[str, ...]:
    return (path.with_suffix(".raw").name,) if path.suffix.lower() == ".mhd" else ()


METAIMAGE = Format(
    "MetaImage",
    (".mha", ".mhd"),
    _sniff,
    partial(itk_header, kind="MetaImage", parse=metaimage_header),
    read_itk,
    write_itk,
    partial(verify_itk, kind="MetaImage"),
    write_channels=write_itk,
    writable=(".mha", ".mhd"),
    beside=_beside,
)
