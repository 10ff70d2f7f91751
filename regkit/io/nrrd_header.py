"""The header of a NRRD file, attached (.nrrd) or detached (.nhdr)."""

from __future__ import annotations

import math
import re
from pathlib import Path

from regkit.errors import InputError
from regkit.io.formats import display_name
from regkit.io.itk_text import (
    TextHeader,
    header_lines,
    numbers,
    own_data_file,
    required,
    whole_numbers,
)

_SIZES = {
    1: "signed char,int8,int8_t,uchar,unsigned char,uint8,uint8_t",
    2: "short,short int,signed short,signed short int,int16,int16_t,"
    "ushort,unsigned short,unsigned short int,uint16,uint16_t",
    4: "int,signed int,int32,int32_t,uint,unsigned int,uint32,uint32_t,float",
    8: "longlong,long long,long long int,signed long long,signed long long int,int64,int64_t,"
    "ulonglong,unsigned long long,unsigned long long int,uint64,uint64_t,double",
}
_ITEMSIZE = {kind: size for size, kinds in _SIZES.items() for kind in kinds.split(",")}
_ENCODINGS = {"raw": False, "gzip": True, "gz": True}
# The orientations that ITK converts to its own.
_ORIENTED = {
    "left-posterior-superior", "lps", "right-anterior-superior", "ras",
    "left-anterior-superior", "las",
}  # fmt: skip
# What ITK takes for an axis of the image; every other kind lists the values of a voxel.
_IN_THE_WORLD = {"domain", "space", "time", "none", "???"}
_ALIASES = {"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip"}


def nrrd_header(path: Path) -> TextHeader:
    """Read and check the header.

    Raises
    ------
    InputError
        If a field is missing, twice there, unsupported or unusable.
    """
    fields, end = _fields(path)
    name = display_name(path)
    sizes = whole_numbers(path, "sizes", required(fields, "sizes", name))
    kinds = _kinds(fields, name, len(sizes))
    dims, channels = _axes(name, sizes, kinds)
    kind = required(fields, "type", name).lower()
    encoding = required(fields, "encoding", name).lower()
    if kind not in _ITEMSIZE:
        raise InputError(
            f"{name}: type {kind!r} is not supported; allowed: integers, float, double"
        )
    if encoding not in _ENCODINGS:
        raise InputError(f"{name}: encoding {encoding!r} is not supported; allowed: raw, gzip")
    _check_skips(fields, name)
    detached = fields.get("data file")
    return TextHeader(
        dims,
        _ITEMSIZE[kind],
        _ENCODINGS[encoding],
        _spacing(path, fields, kinds),
        len(dims) == 2 or fields.get("space", "").lower() in _ORIENTED,
        path if detached is None else own_data_file(path, detached),
        end if detached is None else 0,
        channels,
    )


def _kinds(fields: dict[str, str], name: str, count: int) -> list[str]:
    kinds = fields.get("kinds", "").lower().split() or ["domain"] * count
    if len(kinds) != count:
        raise InputError(f"{name}: has {len(kinds)} kinds for {count} axes; it is damaged")
    return kinds


def _axes(name: str, sizes: tuple[int, ...], kinds: list[str]) -> tuple[tuple[int, ...], int]:
    """Sizes of the axes in space and time, and of the one that lists the values of a voxel."""
    listing = [size for size, kind in zip(sizes, kinds, strict=True) if kind not in _IN_THE_WORLD]
    if len(listing) > 1:
        raise InputError(f"{name}: {len(listing)} of its axes list values; at most one may")
    if listing and listing[0] < 1:
        raise InputError(f"{name}: lists {listing[0]} values a voxel; it must be 1 or more")
    dims = [size for size, kind in zip(sizes, kinds, strict=True) if kind in _IN_THE_WORLD]
    return tuple(dims), listing[0] if listing else 1


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
        found = numbers(path, "spacings", required(fields, "spacings", display_name(path)))
        if len(found) != len(kinds):
            return found
        return tuple(s for s, kind in zip(found, kinds, strict=True) if kind in _IN_THE_WORLD)
    text = fields["space directions"]
    vectors = re.findall(r"\(([^)]*)\)", text)
    if not vectors:
        raise InputError(f"{display_name(path)}: space directions are {text!r}; vectors are needed")
    return tuple(math.hypot(*numbers(path, "space directions", vector)) for vector in vectors)
