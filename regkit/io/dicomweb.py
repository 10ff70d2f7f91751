"""DICOMweb: series from a server and to it, by QIDO-RS, WADO-RS and STOW-RS.

Only the server that is named is spoken to: no proxy, and no redirection to another one.
"""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from regkit.errors import InputError
from regkit.io.dicom_server import check_online, check_uid
from regkit.io.formats.dicom.files import sniff_dicom
from regkit.io.names import display_name
from regkit.io.options import MAX_BYTES

PASSWORD = "REGKIT_DICOMWEB_PASSWORD"  # noqa: S105 the name of the variable that holds it
_SECONDS = 60
_HERE = ("127.0.0.1", "localhost", "::1")
_JSON = "application/dicom+json"
_PARTS = 'multipart/related; type="application/dicom"'
_STUDY, _INSTANCE, _FAILED = "0020000D", "00080018", "00081198"


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirection is an answer like any other that is not the thing asked for."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


@dataclass(frozen=True)
class DicomWeb:
    """A DICOMweb server.

    Parameters
    ----------
    url
        Its root, such as ``http://127.0.0.1:8042/dicom-web``.
    user
        Who asks; the password is in the variable ``REGKIT_DICOMWEB_PASSWORD``.

    Raises
    ------
    InputError
        If the address cannot be one, a password would go over plain http to another machine, or
        ``REGKIT_OFFLINE`` is set.
    """

    url: str
    user: str | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise InputError(
                f"{self.url!r:.80} is no address of a DICOMweb server; give one such as "
                "https://pacs:8042/dicom-web, and the user with --user; or an archive with --port "
                "and --aet"
            )
        if self.user and parts.scheme == "http" and parts.hostname not in _HERE:
            raise InputError(
                f"{self._name}: a password goes over https alone; give such an address"
            )
        check_online()

    @property
    def _name(self) -> str:
        return urlsplit(self.url).netloc

    def instances(self, series: str) -> tuple[str, list[str]]:
        """Find the study of a series, and the UIDs of its images.

        Raises
        ------
        InputError
            If the server does not have exactly one such series, or answers otherwise than it must.
        """
        check_uid(series, "series")
        found = self._json(f"series?SeriesInstanceUID={series}&includefield={_STUDY}")
        studies = {_value(each, _STUDY) for each in found}
        if len(studies) != 1:
            raise InputError(f"{self._name}: has no series {series}; look it up in the PACS")
        study = check_uid(studies.pop(), "study")
        images = self._json(f"studies/{study}/series/{series}/instances")
        uids = [check_uid(_value(each, _INSTANCE), "image") for each in images]
        if not uids:
            raise InputError(f"{self._name}: series {series} holds no image")
        return study, uids

    def fetched(self, study: str, series: str, images: Sequence[str]) -> Iterator[bytes]:
        """See :class:`regkit.io.dicom_server.DicomServer`."""
        return (self.fetch(study, series, image) for image in images)

    def store(self, paths: Sequence[Path]) -> None:
        """See :class:`regkit.io.dicom_server.DicomServer`."""
        for path in paths:
            self.send(path)

    def fetch(self, study: str, series: str, image: str) -> bytes:
        """Fetch one image as the bytes of a DICOM file.

        Parameters
        ----------
        study, series, image
            Their UIDs.

        Raises
        ------
        InputError
            If the server answers with anything else.
        """
        path = f"studies/{study}/series/{series}/instances/{image}"
        content, kind = self._ask("GET", path, accept=f"{_PARTS}; transfer-syntax=*")
        found = _only_part(content, kind)
        if found[128:132] != b"DICM":
            raise InputError(f"{self._name}: answers with no DICOM file; is this DICOMweb?")
        return found

    def send(self, path: Path) -> None:
        """Store a DICOM file.

        Raises
        ------
        InputError
            If it is none, or the server does not take it.
        """
        content = path.read_bytes()
        if not sniff_dicom(path, content[:132]):
            raise InputError(f"{display_name(path)}: is no DICOM file; send what a scanner wrote")
        boundary = uuid.uuid4().hex
        body = b"\r\n".join(
            (
                f"--{boundary}".encode(),
                b"Content-Type: application/dicom\r\n",
                content,
                f"--{boundary}--\r\n".encode(),
            )
        )
        answer, _ = self._ask(
            "POST", "studies", accept=_JSON, body=body, kind=f"{_PARTS}; boundary={boundary}"
        )
        if any(_values(each, _FAILED) for each in _parsed(answer, self._name)):
            raise InputError(f"{self._name}: does not take {display_name(path)}; see its log")

    def _json(self, path: str) -> list[dict[str, Any]]:
        return _parsed(self._ask("GET", path, accept=_JSON)[0], self._name)

    def _ask(
        self, method: str, path: str, *, accept: str, body: bytes | None = None, kind: str = ""
    ) -> tuple[bytes, str]:
        headers = {"Accept": accept, "User-Agent": "regkit", **_login(self.user)}
        if body is not None:
            headers["Content-Type"] = kind
        address = f"{self.url.rstrip('/')}/{path}"
        request = urllib.request.Request(address, body, headers, method=method)  # noqa: S310 see above
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())
        try:
            with opener.open(request, timeout=_SECONDS) as response:
                content = response.read(MAX_BYTES + 1)
                found = str(response.headers.get("Content-Type", ""))
        except urllib.error.HTTPError as error:
            raise InputError(f"{self._name}: answers {error.code} {error.reason}") from error
        except OSError as error:
            reason = " ".join(str(getattr(error, "reason", error)).split())
            raise InputError(f"{self._name}: cannot be reached ({reason:.100})") from error
        if len(content) > MAX_BYTES:
            raise InputError(f"{self._name}: sends more than {MAX_BYTES} bytes of one image")
        return content, found


def _only_part(content: bytes, kind: str) -> bytes:
    """What lies between the two boundaries of an answer; empty where there are not two."""
    message = Message()
    message["Content-Type"] = kind
    limit = f"--{message.get_boundary('')}".encode("latin-1", "replace")
    if len(limit) == 2 or content.count(limit) != 2:
        return b""
    start, end = content.find(b"\r\n\r\n"), content.rfind(b"\r\n" + limit)
    return content[start + 4 : end] if 0 <= start < end else b""


def _login(user: str | None) -> dict[str, str]:
    if user is None:
        return {}
    if PASSWORD not in os.environ:
        raise InputError(f"{PASSWORD} is not set; put the password of {user!r:.40} there")
    word = base64.b64encode(f"{user}:{os.environ[PASSWORD]}".encode()).decode("ascii")
    return {"Authorization": f"Basic {word}"}


def _value(item: dict[str, Any], tag: str) -> str:
    return next(map(str, _values(item, tag)), "")


def _values(item: dict[str, Any], tag: str) -> list[Any]:
    """The values of a tag in DICOM's JSON; an empty sequence has none."""
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _parsed(content: bytes, name: str) -> list[dict[str, Any]]:
    """The data sets of an answer in DICOM's JSON; none where it is empty."""
    try:
        found = json.loads(content) if content.strip() else []
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: answers with no JSON; is this DICOMweb?") from error
    items = found if isinstance(found, list) else [found]
    if not all(isinstance(each, dict) for each in items):
        raise InputError(f"{name}: answers with no data sets; is this DICOMweb?")
    return items
