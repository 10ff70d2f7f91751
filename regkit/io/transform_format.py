"""TransformFormat: all that regkit knows about one kind of transform file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regkit.transforms import Transform

Writers = tuple[Callable[[Path], object], Callable[[Path], object]]


@dataclass(frozen=True)
class TransformFormat:
    """One kind of transform file, as a row of the table of :mod:`regkit.io.transforms`.

    Parameters
    ----------
    name
        What messages call it.
    suffixes
        Its extensions, lower case, with the dot.
    read
        The transform in a file that is there and not empty, in RAS+ mm.
    writers
        For a transform, what writes it to a path and what checks it there; None where regkit only
        reads.
    holds
        The types of transform that can be written, and what messages call them.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path], Transform]
    writers: Callable[[Any], Writers] | None = None
    holds: tuple[type[Transform], str] = (Transform, "any transform")
