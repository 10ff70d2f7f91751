"""DIMSE: series from an archive by C-FIND and C-GET, and to it by C-STORE.

Nothing is listened to: C-MOVE, for which an archive would call back, is not spoken.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regkit.errors import InputError, require
from regkit.io.dicom_server import check_online, check_uid
from regkit.io.formats.dicom.files import dicom_errors, sniff_dicom
from regkit.io.names import display_name

_SECONDS = 60
_FIND = "1.2.840.10008.5.1.4.1.2.2.1"  # of the study root, like the next one
_GET = "1.2.840.10008.5.1.4.1.2.2.3"
_MOST_CONTEXTS = 128  # of one association, by the standard
_LONGEST_AET = 16
_PENDING = (0xFF00, 0xFF01)


@dataclass(frozen=True)
class DicomArchive:
    """An archive that speaks DIMSE.

    Parameters
    ----------
    host, port
        Where it listens.
    title
        What it calls itself: its application entity title.
    own_title
        What regkit calls itself; archives may know whom they answer.

    Raises
    ------
    InputError
        If a title cannot be one, the port is none, or ``REGKIT_OFFLINE`` is set.
    """

    host: str
    port: int
    title: str
    own_title: str = "REGKIT"

    def __post_init__(self) -> None:
        for each in (self.title, self.own_title):
            if not 1 <= len(each.strip()) <= _LONGEST_AET or not each.isascii() or "\\" in each:
                raise InputError(f"{each!r:.40} is no AE title; it has 1 to 16 ASCII characters")
        if not 0 < self.port < 1 << 16:
            raise InputError(f"port {self.port} is none; allowed: 1 to 65535")
        check_online()

    @property
    def _name(self) -> str:
        return f"{self.title}@{self.host}:{self.port}"

    def instances(self, series: str) -> tuple[str, list[str]]:
        """See :class:`regkit.io.dicom_server.DicomServer`."""
        check_uid(series, "series")
        with self._connected([(_FIND, None)]) as link:
            found = self._found(link, "SERIES", SeriesInstanceUID=series, StudyInstanceUID="")
            studies = {str(each.get("StudyInstanceUID", "")) for each in found}
            if len(studies) != 1:
                raise InputError(f"{self._name}: has no series {series}; look it up in the PACS")
            study = check_uid(studies.pop(), "study")
            images = self._found(
                link, "IMAGE", StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=""
            )
        uids = [check_uid(str(each.get("SOPInstanceUID", "")), "image") for each in images]
        if not uids:
            raise InputError(f"{self._name}: series {series} holds no image")
        return study, uids

    def fetched(self, study: str, series: str, images: Sequence[str]) -> Iterator[bytes]:
        """See :class:`regkit.io.dicom_server.DicomServer`."""
        got: list[bytes] = []

        def keep(event: Any) -> int:
            got.append(event.encoded_dataset())
            return 0

        with self._connected([(_GET, None)], keep=keep) as link:
            for image in images:
                wanted = _query(
                    "IMAGE", StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=image
                )
                codes = [_status(status) for status, _ in link.send_c_get(wanted, _GET)] or [None]
                if len(got) != 1 or codes[-1] != 0:
                    raise InputError(
                        f"{self._name}: gave {len(got)} files for image {image} "
                        f"({_in_words(codes[-1])}); it may not speak C-GET, or not know who asks"
                    )
                yield got.pop()

    def store(self, paths: Sequence[Path]) -> None:
        """See :class:`regkit.io.dicom_server.DicomServer`."""
        kinds = dict.fromkeys(kind for path in paths for kind in [_kind_of(path)])
        dcmread = require("pydicom", extra="dicom").dcmread
        with self._connected([*kinds]) as link:
            for path in paths:
                with dicom_errors(display_name(path)):
                    code = _status(link.send_c_store(dcmread(path)))
                if code != 0:
                    raise InputError(
                        f"{self._name}: does not take {display_name(path)} ({_in_words(code)}); "
                        "see its log"
                    )

    def _found(self, link: Any, level: str, **keys: str) -> list[Any]:
        answers = [*link.send_c_find(_query(level, **keys), _FIND)]
        code = _status(answers[-1][0]) if answers else None
        if code != 0:
            raise InputError(f"{self._name}: does not answer C-FIND ({_in_words(code)})")
        return [data for status, data in answers if _status(status) in _PENDING and data]

    def _check_there(self) -> None:
        """Say why nobody answers; pynetdicom only logs it, and leaves its socket open."""
        try:
            socket.create_connection((self.host, self.port), timeout=_SECONDS).close()
        except OSError as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{self._name}: cannot be reached ({reason:.100})") from error

    @contextmanager
    def _connected(
        self, wanted: Sequence[tuple[str, str | None]], keep: Any = None
    ) -> Iterator[Any]:
        """An association for some kinds of object; with ``keep``, for all that may come back."""
        net = require("pynetdicom", extra="dicom")
        self._check_there()
        entity = net.AE(ae_title=self.own_title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _SECONDS
        entity.connection_timeout = _SECONDS
        if len(wanted) > _MOST_CONTEXTS:
            raise InputError(
                f"{self._name}: {len(wanted)} kinds of object are more than one connection takes; "
                "send fewer files at once"
            )
        for kind, syntax in wanted:
            entity.add_requested_context(kind, *([syntax] if syntax else []))
        roles = []
        if keep is not None:
            stored = net.StoragePresentationContexts[: _MOST_CONTEXTS - len(wanted)]
            for each in stored:
                entity.add_requested_context(each.abstract_syntax)
                roles.append(net.build_role(each.abstract_syntax, scp_role=True))
        handlers = [(net.evt.EVT_C_STORE, keep)] if keep else []
        link = entity.associate(
            self.host, self.port, ae_title=self.title, ext_neg=roles, evt_handlers=handlers
        )
        try:
            accepted = {each.abstract_syntax for each in link.accepted_contexts}
            if not link.is_established or not {kind for kind, _ in wanted} <= accepted:
                why = f"does not let {self.own_title} in"
                if link.is_established:
                    why = "does not accept this kind of object or request"
                raise InputError(f"{self._name}: {why}; check both AE titles")
            yield link
        finally:
            if link.is_established:
                link.release()


def _kind_of(path: Path) -> tuple[str, str]:
    """What a file holds, and how it is stored, by their UIDs."""
    with path.open("rb") as file:
        if not sniff_dicom(path, file.read(132)):
            raise InputError(f"{display_name(path)}: is no DICOM file; send what a scanner wrote")
    with dicom_errors(display_name(path)):
        meta = require("pydicom", extra="dicom").dcmread(path, specific_tags=[]).file_meta
        return str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)


def _query(level: str, **keys: str) -> Any:
    out = require("pydicom", extra="dicom").Dataset()
    out.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(out, keyword, value)
    return out


def _status(answer: Any) -> int | None:
    """The status of an answer; None where there was no answer."""
    return int(answer.Status) if answer and "Status" in answer else None


def _in_words(status: int | None) -> str:
    if status is None:
        return f"the connection was lost, or no answer came within {_SECONDS} s"
    return f"status {status:#06x}{', success' if status == 0 else ''}"
