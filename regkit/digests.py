"""The SHA-256 of a file or folder, by which inputs, weights and outputs are known again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from regkit.errors import InputError


def sha256(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal; that of a folder is of its files and names.

    Raises
    ------
    InputError
        If the file may not be read.
    """
    if os.path.isdir(path):
        lines = (f"{sha256(file)} {file.relative_to(path).as_posix()}\n" for file in _files(path))
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except PermissionError as error:
        raise InputError(f"{path}: no permission to read it; change its mode or owner") from error


def _files(folder: Path) -> Iterator[Path]:
    """The regular files in a folder and the folders in it, in one order on every machine."""
    places = [Path(place, name) for place, _, names in os.walk(folder) for name in names]
    yield from sorted(place for place in places if place.is_file())
