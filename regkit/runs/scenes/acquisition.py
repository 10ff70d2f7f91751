"""When a scene was taken, as the tags of its file say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from regkit.errors import InputError

_WHOLE = ("DATETIME", "ACQUISITIONDATETIME", "SENSING_TIME", "PRODUCT_START_TIME",
          "DATATAKE_1_DATATAKE_SENSING_START")  # fmt: skip


def acquisition_time(asked: str, tags: Mapping[str, str], name: str) -> datetime:
    """Return when a scene was taken, in UTC where nothing else is said.

    The tags of Landsat, of Sentinel-2 and of Earth Engine are known. When a file was made, which
    TIFF can say too, is another time.

    Parameters
    ----------
    asked
        The time itself (ISO 8601), or ``auto`` for that of the tags.
    tags
        Of the file.
    name
        What messages call the file.

    Raises
    ------
    InputError
        If it is no time, or no tag tells it.

    Examples
    --------
    >>> acquisition_time("auto", {"system-time_start": "1442995829365"}, "a.tif").isoformat()
    '2015-09-23T08:10:29.365000+00:00'
    """
    if asked != "auto":
        return _time(asked, "--stac")
    words = {key.upper().replace(":", "-"): value for key, value in tags.items()}
    for reader in (_landsat, _earth_engine, *map(_one_tag, _WHOLE)):
        found = reader(words)
        if found is not None:
            return _time(found, f"{name}: its tags")
    raise InputError(
        f"{name}: no tag says when it was taken, which a STAC item must; pass it, such as "
        "--stac 2015-09-23T08:10:29Z"
    )


def _landsat(tags: Mapping[str, str]) -> str | None:
    if "DATE_ACQUIRED" not in tags:
        return None
    # Seven digits of a second; ISO 8601 in Python has six.
    return f"{tags['DATE_ACQUIRED']}T{tags.get('SCENE_CENTER_TIME', '00:00:00Z')[:15].rstrip('Z')}"


def _earth_engine(tags: Mapping[str, str]) -> str | None:
    milliseconds = tags.get("SYSTEM-TIME_START", "")
    if not milliseconds.isdigit():
        return None
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC).isoformat()


def _one_tag(tag: str) -> Callable[[Mapping[str, str]], str | None]:
    return lambda tags: tags.get(tag)


def _time(text: str, whose: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"{whose} {text!r:.40} is no time; give one such as 2015-09-23T08:10:29Z"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
