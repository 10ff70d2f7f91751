"""NRRD, attached (.nrrd) or detached (.nhdr)."""

from __future__ import annotations

import math
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

_NAMES = {
    "i1": "signed char,int8,int8_t",
    "u1": "uchar,unsigned char,uint8,uint8_t",
    "i2": "short,short int,signed short,signed short int,int16,int16_t",
    "u2": "ushort,unsigned short,unsigned short int,uint16,uint16_t",
    "i4": "int,signed int,int32,int32_t",
    "u4": "uint,unsigned int,uint32,uint32_t",
    "i8": "longlong,long long,long long int,signed long long,signed long long int,int64,int64_t",
    "u8": "ulonglong,unsigned long long,unsigned long long int,uint64,uint64_t",
    "f4": "float",
    "f8": "double",
}
_TYPES = {name: code for code, names in _NAMES.items() for name in names.split(",")}
_ENCODINGS = {"raw": False, "gzip": True, "gz": True}
# The orientations that ITK converts to its own.
_ORIENTED = {
    "left-posterior-superior", "lps", "right-anterior-superior", "ras",
    "left-anterior-superior", "las",
}  # fmt: skip
# What ITK takes for an axis of the image; every other kind lists the values of a voxel.
_IN_SPACE = {"domain", "space", "none", "???"}
_IN_THE_WORLD = {*_IN_SPACE, "time"}
_ALIASES = {"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip"}


def nrrd_header(path: Path) -> TextHeader:
    """Read and check the header of a NRRD file.

    Raises
    ------
    InputError
        If a field is missing, twice there, unsupported or unusable.
    """
    fields, end = _fields(path)
    name = display_name(path)
    sizes = whole_numbers(path, "sizes", required_field(fields, "sizes", name))
    kinds = _kinds(fields, name, len(sizes))
    listed = _listed(name, sizes, kinds)
    encoding = required_field(fields, "encoding", name).lower()
    if encoding not in _ENCODINGS:
        raise InputError(f"{name}: encoding {encoding!r} is not supported; allowed: raw, gzip")
    _check_skips(fields, name)
    detached = fields.get("data file")
    flat = len(sizes) - (listed is not None) == 2
    return TextHeader(
        sizes,
        listed,
        _dtype(name, fields),
        _ENCODINGS[encoding],
        _spacing(path, fields, kinds),
        flat or fields.get("space", "").lower() in _ORIENTED,
        path if detached is None else own_data_file(path, detached),
        end if detached is None else 0,
        _unit(fields, name, kinds),
        vectors_in_lps=_vectors_in_lps(path, fields),
    )


def _vectors_in_lps(path: Path, fields: dict[str, str]) -> bool:
    frame = numbers(path, "measurement frame", fields.get("measurement frame", ""))
    space = fields.get("space", "").lower()
    turned = frame != () and frame != tuple(np.eye(math.isqrt(len(frame))).ravel())
    return space in ("", "lps", "left-posterior-superior") and not turned


def _dtype(name: str, fields: dict[str, str]) -> np.dtype[np.generic]:
    kind = required_field(fields, "type", name).lower()
    if kind not in _TYPES:
        raise InputError(
            f"{name}: type {kind!r} is not supported; allowed: integers, float, double"
        )
    largest_first = fields.get("endian", "little").lower() == "big"
    return np.dtype(f"{'>' if largest_first else '<'}{_TYPES[kind]}")


def _unit(fields: dict[str, str], name: str, kinds: list[str]) -> float:
    """Millimetres of the unit of the space, or of the spacings along its axes."""
    if "space units" in fields:
        return millimetres(name, "space units", re.findall(r'"([^"]*)"', fields["space units"]))
    units = re.findall(r'"([^"]*)"', fields.get("units", ""))
    in_space = [u for u, kind in zip(units, kinds, strict=False) if kind in _IN_SPACE]
    return millimetres(name, "units", in_space[:3])


def _kinds(fields: dict[str, str], name: str, count: int) -> list[str]:
    kinds = fields.get("kinds", "").lower().split() or ["domain"] * count
    if len(kinds) != count:
        raise InputError(f"{name}: has {len(kinds)} kinds for {count} axes; it is damaged")
    return kinds


def _listed(name: str, sizes: tuple[int, ...], kinds: list[str]) -> int | None:
    """The axis that lists the values of a voxel."""
    axes = [axis for axis, kind in enumerate(kinds) if kind not in _IN_THE_WORLD]
    if len(axes) > 1:
        raise InputError(f"{name}: {len(axes)} of its axes list values; at most one may")
    if axes and sizes[axes[0]] < 1:
        raise InputError(f"{name}: lists {sizes[axes[0]]} values a voxel; it must be 1 or more")
    return axes[0] if axes else None


def _fields(path: Path) -> tuple[dict[str, str], int]:
    name, fields, end = display_name(path), dict[str, str](), 0
    for number, (line, end) in enumerate(header_lines(path), start=1):
        if number == 1 or line.startswith("#") or re.match(r"[^:]*:=", line):
            continue
        if not line:
            return fields, end
        key, colon, value = line.partition(":")
        key = _ALIASES.get(key.strip().lower(), key.strip().lower())
        if not colon or key in fields:
            raise InputError(f"{name}: line {number} of its header is damaged or repeats a field")
        fields[key] = value.strip()
    if "data file" not in fields:
        raise InputError(f"{name}: truncated header: no empty line ends it; copy the file again")
    return fields, end


def _check_skips(fields: dict[str, str], name: str) -> None:
    for key in ("line skip", "byte skip"):
        if fields.get(key, "0") != "0":
            raise InputError(f"{name}: {key} is {fields[key]}; only 0 is supported")


def _spacing(path: Path, fields: dict[str, str], kinds: list[str]) -> tuple[float, ...]:
    """Spacings as declared, signs and all; lengths of the space directions where those are."""
    if "space directions" not in fields:
        found = numbers(path, "spacings", required_field(fields, "spacings", display_name(path)))
        if len(found) != len(kinds):
            return found
        return tuple(s for s, kind in zip(found, kinds, strict=True) if kind in _IN_THE_WORLD)
    text = fields["space directions"]
    vectors = re.findall(r"\(([^)]*)\)", text)
    if not vectors:
        raise InputError(f"{display_name(path)}: space directions are {text!r}; vectors are needed")
    return tuple(math.hypot(*numbers(path, "space directions", vector)) for vector in vectors)


NRRD = Format(
    "NRRD",
    (".nrrd", ".nhdr"),
    lambda _path, start: start.startswith(b"NRRD00"),
    partial(itk_header, kind="NRRD", parse=nrrd_header),
    read_itk,
    write_itk,
    partial(verify_itk, kind="NRRD"),
    write_channels=write_itk,
    writable=(".nrrd",),
)
