"""The text headers of NRRD and MetaImage, checked before SimpleITK may see the file.

SimpleITK takes a spacing of NaN for 1, flips the image for a negative one, and opens any file
on the disk that a detached header names; see :func:`own_data_file`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regkit.errors import InputError
from regkit.io.names import display_name
from regkit.io.sizes import product

_MAX_HEADER = 1 << 16


@dataclass(frozen=True)
class TextHeader:
    """What a NRRD or MetaImage header declares.

    ``sizes`` are those of all stored axes, first fastest; ``listed`` is the one among them that
    lists the values of a voxel. ``spacing`` is that of the axes in space and time, in the unit of
    the header, which is so many ``millimetres``. ``data_file`` is where the voxels are and
    ``data_start`` the byte at which they begin, ``data_size`` the bytes that their compressed
    form is said to take. ``oriented`` tells whether the header says how the axes lie in the body,
    ``vectors_in_lps`` whether vectors in the voxels have their components along ITK's axes.
    """

    sizes: tuple[int, ...]
    listed: int | None
    dtype: np.dtype[np.generic]
    compressed: bool
    spacing: tuple[float, ...]
    oriented: bool
    data_file: Path
    data_start: int
    millimetres: float = 1.0
    data_size: int | None = None
    vectors_in_lps: bool = True

    @property
    def dims(self) -> tuple[int, ...]:
        """The sizes of the axes in space and time."""
        return tuple(size for axis, size in enumerate(self.sizes) if axis != self.listed)

    @property
    def channels(self) -> int:
        """How many values a voxel has."""
        return 1 if self.listed is None else self.sizes[self.listed]

    @property
    def nbytes(self) -> int:
        """How many bytes the voxels take, uncompressed."""
        return product(self.sizes) * self.dtype.itemsize


def header_lines(path: Path) -> Iterator[tuple[str, int]]:
    """Read the lines of a header of at most 64 KiB, with the byte after each.

    Raises
    ------
    InputError
        If the header is longer, or not text.
    """
    end = 0
    with path.open("rb") as file:
        for raw in iter(lambda: file.readline(_MAX_HEADER), b""):
            end += len(raw)
            if end > _MAX_HEADER:
                break
            try:
                yield raw.decode("utf-8").rstrip("\r\n"), end
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{display_name(path)}: its header is damaged (not text at byte {end})"
                ) from error
        else:
            return
    raise InputError(f"{display_name(path)}: its header does not end within {_MAX_HEADER} bytes")


def own_data_file(path: Path, value: str) -> Path:
    """Return the data file that a detached header names, which must lie beside it.

    Raises
    ------
    InputError
        If it is a list, a pattern, elsewhere, or missing.
    """
    name = display_name(path)
    if re.search(r"[/\\:%]", value) or value.split()[:1] == ["LIST"] or value in ("", ".", ".."):
        raise InputError(
            f"{name}: names {value!r} as its data; only one file in the same folder is allowed. "
            "An external data file is refused"
        )
    place = path.parent / value
    if place.is_symlink() or not place.is_file():
        raise InputError(f"{name}: its data file {value!r} is not a file in the same folder")
    return place


def numbers(path: Path, field: str, text: str) -> tuple[float, ...]:
    """Read the numbers of a header field, which may be in brackets.

    Parameters
    ----------
    path
        The file, for messages.
    field
        The name of the field, for messages.
    text
        What the field holds.

    Raises
    ------
    InputError
        If something other than numbers is in it.
    """
    try:
        return tuple(float(part) for part in re.sub(r"[(),]", " ", text).split())
    except ValueError as error:
        raise InputError(
            f"{display_name(path)}: {field} is {text!r}; it must hold numbers only"
        ) from error


def whole_numbers(path: Path, field: str, text: str) -> tuple[int, ...]:
    """Read the whole numbers of a header field, at least one.

    Parameters
    ----------
    path, field, text
        As of :func:`numbers`.

    Raises
    ------
    InputError
        If it is empty, or something other than whole numbers is in it.
    """
    found = numbers(path, field, text)
    if not found or not all(value.is_integer() for value in found):
        raise InputError(f"{display_name(path)}: {field} is {text!r}; it must hold whole numbers")
    return tuple(int(value) for value in found)


def required_field(fields: dict[str, str], key: str, name: str) -> str:
    """Return the text of a header field that must be there.

    Parameters
    ----------
    fields
        The text of every field in the header, by its name.
    key
        The field that is needed.
    name
        The file, for messages.

    Raises
    ------
    InputError
        If the header has no such field.
    """
    if key not in fields:
        raise InputError(f"{name}: its header has no field {key!r}; it is damaged")
    return fields[key]
