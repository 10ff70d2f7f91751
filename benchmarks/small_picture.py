"""A figure as a PNG of few shades, for pages that shall stay small."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

_DPI, _SHADES = 110, 128


def save_small(figure: Figure, path: Path, *, transparent: bool = False) -> None:
    """Write ``figure`` into ``path``, in at most 128 colours."""
    content = BytesIO()
    figure.savefig(content, dpi=_DPI, transparent=transparent)
    Image.open(content).quantize(_SHADES).save(path, optimize=True)
