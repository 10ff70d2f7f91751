"""The SHA-256 of a file, by which inputs, weights and outputs are known again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from regkit.errors import InputError


def sha256(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal.

    Raises
    ------
    InputError
        If the file may not be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except PermissionError as error:
        raise InputError(f"{path}: no permission to read it; change its mode or owner") from error
