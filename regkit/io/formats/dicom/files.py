"""The DICOM files that a path stands for, each opened without its voxels."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regkit.errors import InputError, require
from regkit.io.names import display_name

_START, _MAGIC = 128, b"DICM"
_FILES = "a folder of one study, or one file of the series"
MAX_FILES = 100_000
# Longer values stay in the file; all voxels are longer.
_LATER = 1024
# pydicom inflates such a file as a whole, however large it becomes.
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_META = 1024


@dataclass(frozen=True, eq=False)
class DicomFile:
    """A file whose data set has been read, but for long values.

    Parameters
    ----------
    path, name
        The file, and what messages call it.
    data
        The data set, as pydicom gives it.
    """

    path: Path
    name: str
    data: Any


def sniff_dicom(path: Path, start: bytes) -> bool:
    """Tell whether a file is DICOM by its first bytes, or a folder by the first such file in it."""
    if path.is_dir():
        return any(True for _ in dicom_paths(path, deep=True))
    return _has_magic(start)


def dicom_paths(folder: Path, *, deep: bool) -> Iterator[Path]:
    """List the DICOM files of a folder, and of the folders in it if ``deep``, in order of names.

    Links to folders are not followed.

    Raises
    ------
    InputError
        If there are more than ``MAX_FILES`` files of any kind, or one may not be read.
    """
    seen = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(folders) if deep else []
        seen += len(names)
        if seen > MAX_FILES:
            raise InputError(
                f"{display_name(folder)}: holds more than {MAX_FILES} files; give {_FILES}"
            )
        yield from (path for name in sorted(names) if _is_dicom(path := Path(place, name)))


def listed_files(paths: Iterable[Path]) -> list[Path]:
    """List files as they are given, and the DICOM files in folders.

    Raises
    ------
    InputError
        If one is not there, or a folder holds none.
    """
    out: list[Path] = []
    for path in paths:
        found = (
            [*dicom_paths(path, deep=True)]
            if os.path.isdir(path)
            else [path] * os.path.isfile(path)
        )
        if not found:
            raise InputError(f"{display_name(path)}: holds no DICOM file, or is not there")
        out += found
    return out


def open_dicom(path: Path) -> DicomFile:
    """Read the data set of a DICOM file, but for long values.

    Raises
    ------
    InputError
        If it is damaged, or compressed as a whole.
    """
    name = display_name(path)
    pydicom = require("pydicom", extra="dicom")
    with path.open("rb") as file:
        if _DEFLATED in file.read(_META):
            raise InputError(
                f"{name}: is deflated as a whole; store it in another transfer syntax, or take it "
                "out of the folder"
            )
    with dicom_errors(name):
        return DicomFile(path, name, pydicom.dcmread(path, defer_size=_LATER))


@contextmanager
def dicom_errors(name: str) -> Iterator[None]:
    """Say in one sentence that a file is damaged, whatever pydicom stumbles over in it.

    Its own words are left out: they quote values of the file, which may be those of a patient.

    Raises
    ------
    InputError
        In place of whatever pydicom raises.
    """
    with warnings.catch_warnings(), dicom_damage(name):
        warnings.simplefilter("ignore")  # its advice is for programmers
        yield


@contextmanager
def dicom_damage(name: str) -> Iterator[None]:
    """As :func:`dicom_errors` for a thread: what Python warns of belongs to all threads.

    Raises
    ------
    InputError
        In place of whatever pydicom raises.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:  # values are parsed when they are asked for
        raise InputError(
            f"{name}: cannot be read as DICOM ({type(error).__name__}); the file is cut or damaged"
        ) from error


def _has_magic(start: bytes) -> bool:
    return start[_START : _START + len(_MAGIC)] == _MAGIC


def _is_dicom(path: Path) -> bool:
    """Whether a regular file begins as DICOM does; pipes and devices are not opened."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return _has_magic(file.read(_START + len(_MAGIC)))
    except PermissionError as error:
        raise InputError(
            f"{display_name(path)}: no permission to read it; change its mode or owner"
        ) from error
    except OSError:  # a link to nothing
        return False
