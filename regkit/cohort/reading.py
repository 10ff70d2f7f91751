"""Options of a row that say how its images are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from regkit.io import ReadOptions

READING = tuple(field.name for field in fields(ReadOptions))


def split_reading(options: Mapping[str, Any]) -> tuple[dict[str, Any], ReadOptions]:
    """Options without those of reading, and these.

    Raises
    ------
    InputError
        If one of these is not allowed.

    Examples
    --------
    >>> rest, reading = split_reading({"seed": 3, "frame": 1})
    >>> rest, reading.frame
    ({'seed': 3}, 1)
    """
    chosen = {name: _plain(value) for name, value in options.items() if name in READING}
    rest = {name: value for name, value in options.items() if name not in READING}
    return rest, ReadOptions(**chosen)


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
