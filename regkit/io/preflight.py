"""Look at a file before its voxels are read, and refuse what would go wrong later."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from regkit.errors import InputError
from regkit.io.formats.table import recognise
from regkit.io.header import Header
from regkit.io.names import display_name
from regkit.io.options import AS_STORED, ReadOptions


def preflight(path: str | Path, options: ReadOptions = AS_STORED) -> Header:
    """Check an image file by its header alone, once one frame of it is chosen.

    Nothing is repaired: what would change the anatomy is refused, and the message names the
    argument that allows it. The header is what :func:`regkit.io.open_image` reads by.

    Parameters
    ----------
    path
        A file, or a folder where a format takes one.
    options
        What is allowed, and which frame and channels are meant.

    Returns
    -------
    Header
        With the grid in RAS+ mm.

    Raises
    ------
    InputError
        If the file is missing, not regular, empty, cut, damaged, of an unsupported kind, or has
        a header that cannot be trusted.

    Examples
    --------
    >>> preflight("nowhere.nii.gz")
    Traceback (most recent call last):
    regkit.errors.InputError: nowhere.nii.gz: not found; check the path
    """
    return read_header(path, options).of(
        frame=options.frame, channel=options.channel, channels=options.channels
    )


def read_header(path: str | Path, options: ReadOptions = AS_STORED) -> Header:
    """Check an image file by its header alone; no frame or channel is chosen yet.

    Otherwise it does as :func:`preflight`; :meth:`Header.of` chooses.

    Raises
    ------
    InputError
        As :func:`preflight`, except for the choice of a frame and a channel.
    """
    place = _checked(path)
    return recognise(place).header(place, options)


def contents_of(path: str | Path, options: ReadOptions = AS_STORED) -> list[dict[str, Any]]:
    """List what a folder holds, one table of facts an image; empty for a kind that holds one.

    Raises
    ------
    InputError
        As :func:`preflight`, for what concerns the whole folder.
    """
    place = _checked(path)
    contents = recognise(place).contents
    return [] if contents is None else contents(place, options)


def _checked(path: str | Path) -> Path:
    place = Path(path)
    if not os.path.isdir(place):
        check_regular(place)
    return place


def check_regular(path: Path) -> None:
    """Refuse a path where nothing is, that is not a regular file, or that is empty.

    Raises
    ------
    InputError
        If that is so; the message says what is there instead.
    """
    name = display_name(path)
    try:
        status = path.stat()
    except PermissionError as error:
        raise InputError(f"{name}: no permission to read it; change its mode or owner") from error
    except (OSError, ValueError) as error:
        broken = "a link to a file that is not there" if os.path.islink(path) else "not found"
        raise InputError(f"{name}: {broken}; check the path") from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{name}: is a directory; give a file")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{name}: is not a regular file; copy it to one")
    if status.st_size == 0:
        raise InputError(f"{name}: is empty (0 bytes); copy the file again")
