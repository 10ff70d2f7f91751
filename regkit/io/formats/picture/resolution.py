"""How large the pixels of a TIFF file are, as its tags say."""

from __future__ import annotations

from typing import Any

from regkit.errors import InputError
from regkit.io.units import millimetres

_DESCRIPTION, _X, _Y, _UNIT = 270, 282, 283, 296
_UNITS = {2: "inch", 3: "cm"}


def spacing_of_tags(name: str, picture: Any, ndim: int) -> tuple[float | None, ...] | None:
    """Read from the tags of a TIFF file how many millimetres apart its pixels and pages are.

    Parameters
    ----------
    name
        The file, for messages.
    picture
        The file as Pillow opened it.
    ndim
        3 for a stack, whose last axis are the pages; else 2.

    Returns
    -------
    tuple or None
        One number an axis, None for one of which nothing is said; None where nothing is said at
        all.

    Raises
    ------
    InputError
        If ImageJ says that the pages are more than the slices of one image, or the unit is no
        length.
    """
    tags, words = picture.tag_v2, _imagej(picture)
    for what in ("channels", "frames"):
        if int(words.get(what, 1)) > 1:
            raise InputError(
                f"{name}: is an ImageJ hyperstack of {words[what]} {what}; save each as a stack"
            )
    unit = words.get("unit", _UNITS.get(int(tags.get(_UNIT, 2)) if _X in tags else 0, ""))
    if unit in ("", "pixel", "pixels") or _X not in tags or _Y not in tags:
        return None
    factor = millimetres(name, "unit", [unit.replace("\\u00B5", "µ")])
    plane = tuple(
        factor / float(tags[axis]) if float(tags[axis]) > 0 else None for axis in (_X, _Y)
    )
    deep = factor * float(words["spacing"]) if "spacing" in words else None
    return (*plane, deep)[:ndim]


def _imagej(picture: Any) -> dict[str, str]:
    """What ImageJ writes into the description, line by line."""
    text = str(picture.tag_v2.get(_DESCRIPTION, ""))
    if not text.startswith("ImageJ="):
        return {}
    lines = (line.partition("=") for line in text.splitlines())
    return {key: value.strip() for key, equals, value in lines if equals}
