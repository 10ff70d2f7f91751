"""Compressed voxels inside a NRRD or MetaImage file, decompressed without ITK.

SimpleITK verifies neither their number nor their checksum: a flipped bit changes voxels in
silence, and where a header has no size for them, or a wrong one, it returns memory that nobody
has written.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from regkit.errors import InputError
from regkit.io.text_header import TextHeader

_AUTO_DETECT = zlib.MAX_WBITS | 32
_GZIP = b"\x1f\x8b"
_BLOCK = 1 << 18


def inflate(name: str, text: TextHeader) -> bytearray:
    """Decompress all voxels of a file, from one zlib stream or any number of gzip members.

    Raises
    ------
    InputError
        If the data are cut, damaged, or of another length than the header says.
    """
    out, taken = bytearray(), 0
    with text.data_file.open("rb") as file:
        file.seek(text.data_start)
        try:
            for part, used in _members(iter(lambda: file.read(_BLOCK), b"")):
                out += part
                taken += used
                if len(out) > text.nbytes:
                    break
        except zlib.error as error:
            raise InputError(
                f"{name}: the file is damaged: its compressed data fail the check ({error}); "
                "copy the file again"
            ) from error
        except EOFError as error:
            raise _of_another_length(name, text, len(out)) from error
    if len(out) != text.nbytes:
        raise _of_another_length(name, text, len(out))
    if text.data_size not in (None, taken):
        raise InputError(
            f"{name}: CompressedDataSize is {text.data_size}, but the data take {taken} bytes; the "
            "header is damaged"
        )
    return out


def _members(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    """Parts of the data, and the compressed bytes that each took.

    Raises
    ------
    EOFError
        If the last stream does not end.
    """
    inflate = zlib.decompressobj(_AUTO_DETECT)
    for block in blocks:
        rest = block
        while rest:
            if inflate.eof:
                if not rest.startswith(_GZIP):
                    return
                inflate = zlib.decompressobj(_AUTO_DETECT)
            part = inflate.decompress(rest)
            left = inflate.unused_data if inflate.eof else b""
            yield part, len(rest) - len(left)
            rest = left
    if not inflate.eof:
        raise EOFError


def _of_another_length(name: str, text: TextHeader, found: int) -> InputError:
    return InputError(
        f"{name}: its compressed data hold {found} bytes, expected {text.nbytes}; the file is cut "
        "or its header is damaged"
    )
