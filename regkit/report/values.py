"""Values as the text that a person reads: short numbers, files without their folders."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

_ABSOLUTE = re.compile(r"^(?P<option>-[\w-]+=)?(?:~|[A-Za-z]:)?[\\/]")


def base_name(name: str) -> str:
    r"""Return the last part of a path of any system.

    Examples
    --------
    >>> base_name("C:\\scans\\t1.nii.gz"), base_name("/data/t1.nii.gz"), base_name("")
    ('t1.nii.gz', 't1.nii.gz', '')
    """
    return re.split(r"[\\/]", name.rstrip("\\/"))[-1]


def plain(value: Any) -> str:
    """Write a value as the report shows it: short numbers, and files without their folders.

    Examples
    --------
    >>> plain(0.123456789), plain(True), plain(["regkit", "/data/a b.nii"])
    ('0.1235', 'yes', "regkit 'a b.nii'")
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, PurePath):
        return value.name
    if isinstance(value, Mapping):
        # A record has a path only where whoever made the run asked for it (--full-paths).
        return ", ".join(
            f"{key} {item if key == 'path' else plain(item)}" for key, item in value.items()
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        return shlex.join(_without_folder(plain(item)) for item in value)
    return _line(str(value))


def flat(options: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Flatten nested options to dotted names and values; what is not set is left out."""
    rows: list[tuple[str, str]] = []
    for key, value in options.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows += flat(value, f"{name}.")
        elif isinstance(value, Sequence) and value and isinstance(value[0], Mapping):
            rows += [(f"{name} {n}", plain(item)) for n, item in enumerate(value, start=1)]
        elif value is not None:
            rows.append((name, plain(value)))
    return rows


def _line(text: str) -> str:
    if not re.search(r"[\\/]", text):
        return text
    if _ABSOLUTE.match(text) and not re.search(r"\s[\\/~-]", text):
        return _without_folder(text)
    return " ".join(_without_folder(word) for word in text.split())


def _without_folder(word: str) -> str:
    found = _ABSOLUTE.match(word.strip("'\""))
    return (found["option"] or "") + base_name(word.strip("'\"")) if found else word


def is_number(value: float) -> bool:
    """Tell whether a metric was measured at all."""
    return isinstance(value, (int, float)) and math.isfinite(value)
