"""Get one file over https, going on where an earlier attempt stopped."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from regkit.errors import InputError

_CHUNK = 1 << 20
_ATTEMPTS = 4
_SECONDS = 60
_HERE = ("127.0.0.1", "localhost", "::1")

OnBytes = Callable[[int, int], None]


def download(url: str, part: Path, told: OnBytes) -> None:
    """Download all of ``url`` to ``part``, which may hold the beginning of it already.

    Parameters
    ----------
    url
        https; plain http from this machine alone.
    part
        The file; beside it, under the added ending ``.tag``, lies which version it is of.
    told
        Called with the bytes that are here, and the bytes of the whole.

    Raises
    ------
    InputError
        If the server cannot be reached, has no such file, or the connection is lost for good;
        what has come stays in ``part``.
    """
    _check(url)
    for attempt in range(_ATTEMPTS):
        try:
            if _attempt(url, part, told):
                return
        except urllib.error.HTTPError as error:
            if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise InputError(
                    f"{url}: the server answers {error.code} {error.reason}"
                ) from error
            part.unlink()  # what is here is no beginning of what is there
        except (OSError, http.client.HTTPException) as error:
            if attempt == _ATTEMPTS - 1:
                raise InputError(f"{url}: cannot be reached ({_reason(error)})") from error
    size = part.stat().st_size if part.exists() else 0
    raise InputError(
        f"{url}: the connection broke {_ATTEMPTS} times, after {size / 1e6:.1f} MB in all; run the "
        "same command again to go on from there"
    )


def _attempt(url: str, part: Path, told: OnBytes) -> bool:
    """Send one request; return whether the file is whole now."""
    have = part.stat().st_size if part.exists() else 0
    with urllib.request.urlopen(_request(url, part, have), timeout=_SECONDS) as response:  # noqa: S310 https only, see _check
        _check(response.url)
        goes_on = response.status == http.client.PARTIAL_CONTENT
        have = have if goes_on else 0
        total = have + int(response.headers.get("Content-Length") or 0)
        _tag(part).write_text(response.headers.get("ETag") or "")
        with part.open("ab" if goes_on else "wb") as out:
            while chunk := response.read(_CHUNK):
                out.write(chunk)
                told(out.tell(), total)
    return total == 0 or part.stat().st_size == total


def _request(url: str, part: Path, have: int) -> urllib.request.Request:
    """Ask for the whole file, or for the rest of the version that has been begun."""
    headers = {"User-Agent": "regkit", "Accept-Encoding": "identity"}
    tag = _tag(part).read_text() if _tag(part).exists() else ""
    if have and tag:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    return urllib.request.Request(url, headers=headers)  # noqa: S310 https only, see _check


def _tag(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _check(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _HERE:
        raise InputError(f"{url}: weights are fetched over https only")


def _reason(error: Exception) -> str:
    return " ".join(str(getattr(error, "reason", error)).split()) or type(error).__name__
