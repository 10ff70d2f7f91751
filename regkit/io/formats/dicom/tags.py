"""FrameTags: what a DICOM file says of one of its frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from regkit.errors import InputError
from regkit.io.formats.dicom.files import DicomFile


@dataclass(frozen=True, eq=False)
class FrameTags:
    """What a file says of one frame: by the frame's own groups, by those of all frames, by itself.

    Parameters
    ----------
    name
        The file, for messages.
    layers
        Data sets in which a tag is looked for, one after the other.
    """

    name: str
    layers: tuple[Any, ...]

    def find(self, keyword: str) -> Any:
        """Return the first value that is not empty; None where there is none."""
        for layer in self.layers:
            value = layer.get(keyword)
            if value is not None and not (hasattr(value, "__len__") and len(value) == 0):
                return value
        return None

    def words(self, keyword: str) -> tuple[str, ...]:
        """Return the values of a tag as text; empty where it is missing."""
        value = self.find(keyword)
        if value is None:
            return ()
        return (value,) if isinstance(value, str) else tuple(map(str, _listed(value)))

    def word(self, keyword: str) -> str:
        """Return the only value of a tag as text; empty where it is missing."""
        return "".join(self.words(keyword)[:1])

    def numbers(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """Return ``count`` finite numbers; None where the tag is missing.

        Raises
        ------
        InputError
            If there are more or fewer, or one is not finite.
        """
        value = self.find(keyword)
        if value is None:
            return None
        found = tuple(float(each) for each in _listed(value))
        if len(found) != count or not all(map(math.isfinite, found)):
            raise InputError(
                f"{self.name}: {keyword} is no {count} finite number{'s' * (count > 1)}; the file "
                "is damaged"
            )
        return found

    def number(self, keyword: str, default: float) -> float:
        """Return a single finite number, or ``default`` where the tag is missing."""
        found = self.numbers(keyword, 1)
        return default if found is None else found[0]

    def whole(self, keyword: str, default: int | None = None) -> int:
        """Return a whole number, or ``default`` where the tag is missing.

        Raises
        ------
        InputError
            If it is missing and there is no default, or is no whole number.
        """
        found = self.numbers(keyword, 1)
        value = default if found is None else found[0]
        if value is None or value != int(value):
            what = "has no" if found is None else "has no whole"
            raise InputError(f"{self.name}: {what} {keyword}; the file is damaged")
        return int(value)


def frame_tags(file: DicomFile) -> list[FrameTags]:
    """List what a file says of each of its frames; a file of one image has one.

    Raises
    ------
    InputError
        If it has fewer functional groups than frames.
    """
    data, name = file.data, file.name
    whole = FrameTags(name, (data,))
    count = whole.whole("NumberOfFrames", 1)
    if count > file.path.stat().st_size:
        raise InputError(f"{name}: says that it has {count} frames, more than bytes; it is damaged")
    groups = whole.find("PerFrameFunctionalGroupsSequence")
    if groups is None:
        return [whole] * count
    if len(groups) != count:
        raise InputError(
            f"{name}: says that it has {count} frames, and describes {len(groups)}; it is damaged"
        )
    shared = [each for item in data.get("SharedFunctionalGroupsSequence", ()) for each in _in(item)]
    return [FrameTags(name, (*_in(item), *shared, data)) for item in groups]


def _in(item: Any) -> list[Any]:
    """The functional groups of an item, each of which is a sequence of one."""
    found = [each for each in item if each.VR == "SQ" and not each.tag.is_private]
    return [each.value[0] for each in found if each.value]


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
