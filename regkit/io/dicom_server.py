"""DicomServer: what series are fetched from and files sent to, however it is spoken to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from regkit.errors import InputError

_OFFLINE = "REGKIT_OFFLINE"
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_LONGEST_UID = 64


class DicomServer(Protocol):
    """A server for DICOM; only the one that a user names is spoken to."""

    def instances(self, series: str) -> tuple[str, list[str]]:
        """Find the study of a series, and the UIDs of its images.

        Raises
        ------
        InputError
            If the server does not have exactly one such series, or answers otherwise than it must.
        """

    def fetched(self, study: str, series: str, images: Sequence[str]) -> Iterator[bytes]:
        """Fetch images one after the other, each as the bytes of a DICOM file.

        Parameters
        ----------
        study, series, images
            Their UIDs.

        Raises
        ------
        InputError
            If the server answers with anything else.
        """

    def store(self, paths: Sequence[Path]) -> None:
        """Store DICOM files one after the other.

        Raises
        ------
        InputError
            If one is none, or the server does not take it; those before it stay there.
        """


def check_uid(uid: str, what: str) -> str:
    """Return a UID that holds digits and dots alone, as a UID must.

    Raises
    ------
    InputError
        If it does not; ``what`` says whose it is.

    Examples
    --------
    >>> check_uid("1.2.840.10008", "series")
    '1.2.840.10008'
    """
    if not _UID.fullmatch(uid) or len(uid) > _LONGEST_UID:
        raise InputError(f"{uid!r:.70} is no UID of a {what}; it has digits and dots, 64 at most")
    return uid


def check_online() -> None:
    """Refuse to open a connection where ``REGKIT_OFFLINE`` is set.

    Raises
    ------
    InputError
        If it is.
    """
    if os.environ.get(_OFFLINE, "") not in ("", "0"):
        raise InputError(f"{_OFFLINE} is set: no server is asked; unset it")
