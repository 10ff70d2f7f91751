"""Write one file whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import platform
import re
import secrets
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from regkit.errors import InputError, RegkitError, ResourceError
from regkit.io.names import display_name, extension
from regkit.io.sizes import size_text

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CLOSED = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP
)  # fmt: skip
_OWNED = re.compile(r"\.regkit-(?:partial-)?(\d+)-([0-9a-f]{8})-[0-9a-f]+(?:\.part.*)?")


def write_atomically(
    path: Path,
    writer: Callable[[Path], object],
    verify: Callable[[Path], object] = os.stat,
    overwrite: bool = False,
) -> None:
    """Write ``path`` under another name, flush it, reopen and check it, then rename it.

    Parameters
    ----------
    path
        The final name; its folder must exist.
    writer, verify
        Called with the temporary name, which lies in the same folder and has the same extension.
        ``verify`` raises when what it reads is not what was meant; by default the file has to be
        there.
    overwrite
        Replace a file that is there.

    Raises
    ------
    InputError
        If the file exists and ``overwrite`` is false, or the folder is missing or not writable.
    ResourceError
        If the disk is full, or ``verify`` says so.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder, "a.txt"), Path.touch)
    ...     os.listdir(folder)
    ['a.txt']
    """
    check_target(path, overwrite)
    part = path.with_name(f".regkit-{owner_tag()}.part{extension(path)}")
    try:
        with disk_errors(path.parent):
            with _called(part, path):
                writer(part)
                flush(part)
                verify(part)
            check_free(path, overwrite)
            os.replace(part, path)
            flush(path.parent)
    finally:
        part.unlink(missing_ok=True)


def write_serialised(
    path: Path, write: Callable[[BinaryIO], object], verify: Callable[[Path], object]
) -> None:
    """Write what a library serialises in memory, with :func:`write_atomically`.

    A file that is there is replaced. Libraries that write files themselves turn a full disk into
    errors of their own.

    Parameters
    ----------
    path
        The final name; its folder is made if missing.
    write
        Called with an open binary file in memory, which it fills.
    verify
        Called with the temporary name; it raises when what it reads is not what was meant.

    Raises
    ------
    InputError
        If the folder cannot be made or written.
    ResourceError
        If the disk is full, or ``verify`` says so.
    """
    whole = io.BytesIO()
    write(whole)
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda part: part.write_bytes(whole.getbuffer()), verify, overwrite=True)


@contextmanager
def _called(part: Path, path: Path) -> Iterator[None]:
    """Have messages speak of the final name, not of the temporary one."""
    try:
        yield
    except RegkitError as error:
        raise type(error)(str(error).replace(part.name, display_name(path))) from error


def check_free(path: Path, overwrite: bool) -> None:
    """Refuse a final name that is taken, unless it may be replaced.

    Raises
    ------
    InputError
        If a file is there and ``overwrite`` is false, or it is a folder.
    """
    if path.is_dir():
        raise InputError(f"{display_name(path)}: is a directory; choose another name")
    if not overwrite and os.path.lexists(path):
        raise InputError(
            f"{display_name(path)}: exists; choose another name, or allow overwriting it"
        )


def check_target(path: Path, overwrite: bool) -> None:
    """Refuse, before the work, a final name that could not be written after it.

    Raises
    ------
    InputError
        If the name is taken, or its folder is missing or not writable.
    """
    check_free(path, overwrite)
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: the output folder does not exist; create it")
    check_permission(path.parent)


def check_permission(folder: Path) -> None:
    """Refuse a folder in which this user may not make files.

    Raises
    ------
    InputError
        If the user has no permission to write there.
    """
    if not os.access(
        folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids
    ):
        raise _not_writable(folder, os.strerror(errno.EACCES))


def _not_writable(folder: Path, reason: str) -> InputError:
    return InputError(
        f"{folder}: the output folder may not be written ({reason}); change its mode or choose "
        "another"
    )


def flush(path: Path) -> None:
    """Make sure that the disk holds what was written to a file, or the names in a folder."""
    if path.is_dir() and sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY if sys.platform != "win32" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn failures of the disk into one sentence each, while something is written.

    Parameters
    ----------
    folder
        Where it is written; messages name it.

    Raises
    ------
    ResourceError
        If there is no space left.
    InputError
        If the folder may not be written.

    Examples
    --------
    >>> with disk_errors(Path("results")):
    ...     pass
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise no_space(folder) from error
        if error.errno in _CLOSED:
            raise _not_writable(folder, str(error.strerror)) from error
        raise


def no_space(folder: Path, needed: int | None = None) -> ResourceError:
    """Make the error for a full disk; ``needed`` is in bytes."""
    shown = folder.parent if _OWNED.fullmatch(folder.name) else folder
    wanted = "" if needed is None else f"{size_text(needed)} are needed, "
    return ResourceError(
        f"{shown}: no space left to write ({wanted}{size_text(free_space(folder))} free); make "
        "room or choose another folder"
    )


def free_space(folder: Path) -> int:
    """Return the bytes that are free where ``folder`` is, or would be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def owner_tag() -> str:
    """Name who writes under a temporary name: the process, the machine and a random number."""
    return f"{os.getpid()}-{_machine()}-{secrets.token_hex(4)}"


def running_writers(folder: Path) -> Iterator[tuple[Path, int]]:
    """List what running processes of this machine are writing in ``folder``, with their ids."""
    for entry, pid in _owned(folder):
        if _runs(pid):
            yield entry, pid


def remove_abandoned(folder: Path) -> None:
    """Delete half-written files in ``folder`` whose process, on this machine, no longer runs."""
    for entry, pid in _owned(folder):
        if _runs(pid):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _owned(folder: Path) -> Iterator[tuple[Path, int]]:
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        found = _OWNED.fullmatch(entry.name)
        if found and found[2] == _machine():
            yield entry, int(found[1])


def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _runs(pid: int) -> bool:
    if sys.platform == "win32":  # there, os.kill would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
