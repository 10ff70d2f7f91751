"""What a transform file of ITK declares, found out before SimpleITK may open it.

libhdf5 follows links into other files, ITK's text reader opens the files that it is told to,
and of several transforms in a row SimpleITK takes the first and only prints a warning.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from regkit.errors import InputError, require
from regkit.io.hdf5_links import check_links
from regkit.io.itk_kinds import check_counts, check_kind
from regkit.io.names import display_name

HDF5 = (".h5", ".hdf5")
TEXT = (".tfm", ".txt")
MATLAB = (".mat",)

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_TEXT_MAGIC = b"#Insight Transform File"
_MAX_TEXT = 1 << 22
# /TransformGroup/<number>/<data set> is all that ITK writes; a loop of links has no end.
_MAX_DEPTH = 3
# Of a field: size, origin, spacing and direction, in 3-D; one more shows that there are too many.
_MOST_FIXED = 19


@dataclass(frozen=True)
class DeclaredTransform:
    """A transform as its file declares it: kind, number of parameters, fixed parameters."""

    kind: str
    parameters: int
    fixed: tuple[float, ...]


def declared_types(path: Path, suffix: str) -> list[str]:
    """List the kinds of the transforms in a file, such as ``AffineTransform_double_3_3``.

    Raises
    ------
    InputError
        If the file is not a transform of ITK, points into other files, holds several transforms
        outside a composite, or fewer values than they have.
    """
    name = display_name(path)
    reader = {HDF5: _in_hdf5, TEXT: _in_text, MATLAB: _in_matlab}
    found = next(read for suffixes, read in reader.items() if suffix in suffixes)(path)
    if not found:
        raise _not_a_transform(path, "it names no transform")
    types = [each.kind for each in found]
    for kind in types:
        check_kind(name, kind)
    if len(types) > 1 and not types[0].startswith("CompositeTransform_"):
        raise InputError(
            f"{name}: holds {len(types)} transforms outside a composite "
            f"({', '.join(types[:3])}); put them into one composite, or into a file each"
        )
    for each in found:
        check_counts(name, each.kind, each.parameters, each.fixed)
    return types


def _not_a_transform(path: Path, why: str) -> InputError:
    return InputError(f"{display_name(path)}: is not an ITK transform: {why}")


def _in_text(path: Path) -> list[DeclaredTransform]:
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
    # Every program ends its last line; without that, the last number may have lost digits.
    if not content.endswith(b"\n"):
        raise InputError(f"{display_name(path)}: its last line does not end; the file is cut")
    text = content.decode("utf-8", errors="replace")
    kinds = [*re.finditer(r"^[ \t]*Transform[ \t]*:[ \t]*(\S+)", text, flags=re.MULTILINE)]
    ends = [*(each.start() for each in kinds), len(text)][1:]
    return [
        _block(path, kind[1], text[kind.end() : end]) for kind, end in zip(kinds, ends, strict=True)
    ]


def _block(path: Path, kind: str, text: str) -> DeclaredTransform:
    """One transform of a text file: its numbers stand on lines of their own."""
    lines = dict(re.findall(r"^[ \t]*(\w+)[ \t]*:([^\n]*)$", text, flags=re.MULTILINE))
    try:
        parameters, fixed = (
            tuple(float(word) for word in lines.get(key, "").split())
            for key in ("Parameters", "FixedParameters")
        )
    except ValueError as error:
        raise _not_a_transform(path, f"a parameter is no number ({error})") from error
    return DeclaredTransform(kind, len(parameters), fixed)


def _in_matlab(path: Path) -> list[DeclaredTransform]:
    """Variables of a Matlab 4 file: five 32-bit numbers, the name, the values, repeated."""
    if path.stat().st_size > _MAX_TEXT:
        raise _not_a_transform(path, f"an affine takes less than {_MAX_TEXT} bytes")
    content, at, found = path.read_bytes(), 0, list[DeclaredTransform]()
    while at + 20 <= len(content):
        kind, rows, columns, _, length = struct.unpack("<5i", content[at : at + 20])
        size = {0: 8, 10: 4}.get(kind)
        if size is None or min(rows, columns) < 0 or not 1 <= length <= 256:
            raise _not_a_transform(path, "it is not in Matlab 4 format, as ANTs and ITK write it")
        name = content[at + 20 : at + 19 + length].decode("ascii", errors="replace")
        at += 20 + length + rows * columns * size
        if at > len(content):
            break
        if name != "fixed":
            found.append(DeclaredTransform(name, rows * columns, ()))
        elif found:
            count = min(rows * columns, _MOST_FIXED)
            start = at - rows * columns * size
            values = struct.unpack_from(f"<{count}{'d' if size == 8 else 'f'}", content, start)
            found[-1] = replace(found[-1], fixed=values)
    if at != len(content):
        raise _not_a_transform(path, "its data are cut")
    return found


def _in_hdf5(path: Path) -> list[DeclaredTransform]:
    with path.open("rb") as start:
        magic = start.read(len(_HDF5_MAGIC))
    if magic != _HDF5_MAGIC:
        raise _not_a_transform(path, "it is not an HDF5 file")
    h5py = require("h5py", extra="all")
    try:
        check_links(path, _MAX_DEPTH)
        with h5py.File(path, "r") as file:
            return _in_groups(path, file)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise _not_a_transform(path, f"it is damaged ({str(error).splitlines()[0]})") from error


def _in_groups(path: Path, file: Any) -> list[DeclaredTransform]:
    if "TransformGroup" not in file:
        raise _not_a_transform(path, "it has no TransformGroup")
    groups, found = file["TransformGroup"], []
    for key in sorted(groups, key=int):
        stored = groups[key]["TransformType"][0]
        kind = stored.decode("utf-8", errors="replace") if isinstance(stored, bytes) else stored
        values, fixed = _values(groups[key], ""), _values(groups[key], "Fixed")
        found.append(
            DeclaredTransform(
                kind,
                0 if values is None else values.size,
                () if fixed is None else tuple(map(float, fixed[:_MOST_FIXED])),
            )
        )
    return found


def _values(group: Any, which: str) -> Any:
    """A data set of parameters; ITK before 5 spelled its name differently."""
    names = (f"Transform{which}Parameters", f"Tranform{which}Parameters")
    return next((group[name] for name in names if name in group), None)
