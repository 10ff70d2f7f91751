"""Which files are scenes on the earth, told before anything that registers them is imported."""

from __future__ import annotations

import os
from pathlib import Path

from regkit.errors import InputError
from regkit.io.formats.table import recognise


def are_scenes(*paths: Path) -> bool:
    """Tell whether all files are images on the earth."""
    try:
        return all(recognise(path).georeferenced for path in paths if os.path.isfile(path)) and all(
            path.is_file() for path in paths
        )
    except InputError:  # whoever reads them says what is wrong
        return False
