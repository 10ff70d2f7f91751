"""Transform files of other programs that are known by their content and not read."""

from __future__ import annotations

import re
from pathlib import Path

_START = 4096

_ELASTIX = (
    "parameters of elastix",
    "have elastix write ITK's form (WriteITKCompositeTransform), or a field by `transformix -def "
    "all`",
)


def foreign_transform(path: Path) -> tuple[str, str] | None:
    """Recognise a transform file of another program, and say what converts it; None if unknown.

    The file must be there; it is recognised by its first bytes.
    """
    with path.open("rb") as file:
        start = file.read(_START)
    if re.search(rb"^\s*\(Transform\s", start, flags=re.MULTILINE):
        return _ELASTIX
    return None
