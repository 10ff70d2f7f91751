"""Find segmenters by name, those of this package and of others."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from foundation.segmenters.segmenter import Segmenter
from regkit.errors import InputError
from regkit.plugins import summary
from regkit.settings import near

SEGMENTERS_GROUP = "regkit.segmenters"
SegmenterOpener = Callable[[Path | None], Segmenter]
"""What an entry point of the group names: the path after ``=``, or None, to a segmenter."""


def segmenter_summaries() -> dict[str, str]:
    """What each segmenter is, by its name; none of them is imported."""
    found = entry_points(group=SEGMENTERS_GROUP)
    return {entry.name: summary(entry) for entry in sorted(found, key=lambda each: each.name)}


def check_segmenter(model: str) -> None:
    """Refuse a name that no segmenter has; nothing is opened.

    Parameters
    ----------
    model
        ``NAME`` or ``NAME=PATH``.

    Raises
    ------
    InputError
        With the names that are near.
    """
    name = model.partition("=")[0]
    known = sorted(entry.name for entry in entry_points(group=SEGMENTERS_GROUP))
    if name not in known:
        hint = near(name, set(known))
        raise InputError(f"model {name!r}: no such segmenter{hint}; allowed: {', '.join(known)}")


def open_segmenter(model: str) -> Segmenter:
    """Open the segmenter ``NAME`` or ``NAME=PATH``.

    Parameters
    ----------
    model
        As the user writes it: a name, and after ``=`` the file or folder of its weights.

    Raises
    ------
    MissingWeightsError
        If its weights are not there; the message says where to put them.
    InputError
        If there is none of that name, or it cannot be opened.
    """
    check_segmenter(model)
    name, _, path = model.partition("=")
    (entry,) = (each for each in entry_points(group=SEGMENTERS_GROUP) if each.name == name)
    opener: SegmenterOpener = entry.load()
    return opener(Path(path) if path else None)
