"""Open a file that may be inside gzip, and say in one sentence what is wrong with it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

from isal import igzip
from isal.igzip_lib import IsalError

from regkit.errors import InputError
from regkit.io.names import display_name

_GZIP = b"\x1f\x8b"


def inside_gzip(path: Path) -> bool:
    """Tell by its first bytes whether a file is compressed.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    with open_stream(path, display_name(path), compressed=False) as file:
        return file.read(len(_GZIP)) == _GZIP


@contextmanager
def open_stream(path: Path, name: str, *, compressed: bool) -> Iterator[BufferedIOBase]:
    """Open a file for reading, through gzip where it is compressed.

    The checksum at the end of a gzip stream is verified only when the stream is read to its end.

    Parameters
    ----------
    path
        The file.
    name
        What messages call it.
    compressed
        Whether it is inside gzip; see :func:`inside_gzip`.

    Raises
    ------
    InputError
        If the file cannot be read, or its compressed data are cut or damaged.
    """
    try:
        with igzip.open(path, "rb") if compressed else path.open("rb") as file:
            yield file
    except EOFError as error:  # isal says so too of bytes that follow and are no gzip
        raise InputError(
            f"{name}: the compressed data end early, or what follows them is damaged; copy the "
            "file again"
        ) from error
    except (IsalError, gzip.BadGzipFile) as error:  # type: ignore[misc]  # as its stub has it
        raise InputError(
            f"{name}: the file is damaged: its compressed data fail the check ({error}), or "
            "something follows them (CRC); copy the file again"
        ) from error
    except PermissionError as error:
        raise InputError(f"{name}: no permission to read it; change its mode or owner") from error
    except OSError as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{name}: cannot be read ({reason}); copy the file again") from error
