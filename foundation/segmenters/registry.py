"""Find segmenters by name, those of this package and of others."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from foundation.segmenters.segmenter import Segmenter
from regkit.errors import InputError
from regkit.plugins import plug_ins, summary
from regkit.settings import near

SEGMENTERS_GROUP = "regkit.segmenters"
SegmenterOpener = Callable[[Path | None], Segmenter]
"""What an entry point of the group names: the path after ``=``, or None, to a segmenter."""


def segmenter_summaries() -> dict[str, str]:
    """What each segmenter is, by its name; none of them is imported."""
    return {name: summary(entry) for name, entry in plug_ins(SEGMENTERS_GROUP).items()}


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
    known = plug_ins(SEGMENTERS_GROUP)
    if name not in known:
        hint = near(name, known)
        raise InputError(f"model {name!r}: no such segmenter{hint}; allowed: {', '.join(known)}")


@cache
def model_weights(model: str) -> str:
    """Return the SHA-256 of the weights of a segmenter, once a process.

    It is "" of one that has none, or cannot be opened.

    Parameters
    ----------
    model
        ``NAME`` or ``NAME=PATH``.
    """
    try:
        return open_segmenter(model).capabilities.weights
    except Exception:  # whatever a model of somebody else raises; who asks it is told
        return ""


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
    opener: SegmenterOpener = plug_ins(SEGMENTERS_GROUP)[name].load()
    return opener(Path(path) if path else None)
