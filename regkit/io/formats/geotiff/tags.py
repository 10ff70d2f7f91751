"""Which TIFF files say where on the earth they lie, told by the tags of their first page."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# Pixel scale, tie points, transformation, keys of the CRS, and coefficients of a camera (RPC).
GEOGRAPHIC = (33550, 33922, 34264, 34735, 50844)
_ORDERS = {b"II": "<", b"MM": ">"}
_CLASSIC, _BIG = 42, 43
_MOST_TAGS = 4096  # of a page; more is damage


def has_place(path: Path, start: bytes) -> bool:
    """Tell whether a file is a TIFF whose first page has tags of GeoTIFF.

    Parameters
    ----------
    path
        The file.
    start
        Its first bytes.
    """
    if start[:2] not in _ORDERS or len(start) < 16:
        return False
    try:
        with path.open("rb") as file:
            return any(tag in GEOGRAPHIC for tag in _tags(file, start))
    except (OSError, struct.error):  # cut: whoever reads it says so
        return False


def _tags(file: BinaryIO, start: bytes) -> Iterator[int]:
    """The numbers of the tags of the first page, of a classic or a big TIFF."""
    order = _ORDERS[start[:2]]
    (magic,) = struct.unpack_from(f"{order}H", start, 2)
    if magic not in (_CLASSIC, _BIG):
        return
    big = magic == _BIG
    (place,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", start, 8 if big else 4)
    count, size = (f"{order}Q", 20) if big else (f"{order}H", 12)
    file.seek(place)
    (many,) = struct.unpack(count, file.read(struct.calcsize(count)))
    for _ in range(min(many, _MOST_TAGS)):
        (tag,) = struct.unpack_from(f"{order}H", file.read(size))
        yield int(tag)
