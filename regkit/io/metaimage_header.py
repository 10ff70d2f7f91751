"""The header of a MetaImage file, attached (.mha) or detached (.mhd)."""

from __future__ import annotations

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

_ITEMSIZE = {
    "MET_CHAR": 1, "MET_UCHAR": 1, "MET_SHORT": 2, "MET_USHORT": 2, "MET_INT": 4, "MET_UINT": 4,
    "MET_FLOAT": 4, "MET_LONG_LONG": 8, "MET_ULONG_LONG": 8, "MET_DOUBLE": 8,
}  # fmt: skip
_ORIENTED = ("TransformMatrix", "Rotation", "Orientation")
_ONLY = {
    "BinaryData": "True",
    "HeaderSize": "0",
}


def metaimage_header(path: Path) -> TextHeader:
    """Read and check the header.

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
    kind = required(fields, "ElementType", name)
    if kind not in _ITEMSIZE:
        raise InputError(f"{name}: ElementType {kind} is not supported; allowed: real numbers")
    dims = whole_numbers(path, "DimSize", required(fields, "DimSize", name))
    if fields.get("NDims") != str(len(dims)):
        raise InputError(
            f"{name}: NDims is {fields.get('NDims')}, but DimSize has {len(dims)}; it is damaged"
        )
    source = fields["ElementDataFile"]
    local = source.lower() == "local"
    return TextHeader(
        dims,
        _ITEMSIZE[kind],
        fields.get("CompressedData", "False").lower() == "true",
        numbers(path, "ElementSpacing", required(fields, "ElementSpacing", name)),
        len(dims) == 2 or any(key in fields for key in _ORIENTED),
        path if local else own_data_file(path, source),
        end if local else 0,
        _channels(path, fields),
    )


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
        found = re.fullmatch(r"\s*(\w+)\s*=\s*(.*?)\s*", line)
        if not found or found[1] in fields:
            raise InputError(f"{name}: line {number} of its header is damaged or repeats a field")
        fields[found[1]] = found[2]
        # The format ends its header with this field.
        if found[1] == "ElementDataFile":
            return fields, end
    raise InputError(f"{name}: truncated header: no ElementDataFile ends it; copy the file again")
