"""A thumbnail of a pair: the outlines of fixed on moving as it came, and on it as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from regkit.report.scene import Scene, scene
from regkit.report.slices import Pixels, Plane
from regkit.volume import Volume

HEIGHT = 120  # pixels
_EDGE = (255, 140, 0)
_GAP = 2


class Thumbnail:
    """A small picture."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels

    def save(self, path: Path) -> None:
        """Write it as JPEG."""
        Image.fromarray(self.pixels).save(path, "JPEG", quality=75)


def thumbnail(fixed: Volume, moving: Volume, warped: Volume) -> Thumbnail:
    """The middle slice before and after, side by side, 120 pixels high.

    Parameters
    ----------
    fixed, moving, warped
        The images of a result; ``moving`` is taken where its header says.
    """
    return thumbnail_of(scene(fixed, moving, warped))


def thumbnail_of(cuts: Scene) -> Thumbnail:
    """The first plane of slices that were cut before; see :func:`thumbnail`."""
    plane = cuts.planes[0]
    outline = _outline(cuts.fixed[0], cuts.levels, plane)
    sides = [_drawn(shades, outline, plane) for shades in (cuts.before[0], cuts.after[0])]
    gap = np.full((HEIGHT, _GAP, 3), 255, np.uint8)
    return Thumbnail(np.concatenate([sides[0], gap, sides[1]], axis=1))


def _drawn(shades: Pixels, outline: NDArray[np.bool_], plane: Plane) -> NDArray[np.uint8]:
    grey = (255 * _resized(shades, plane)).round().astype(np.uint8)
    coloured = np.repeat(grey[..., None], 3, axis=2)
    coloured[outline] = _EDGE
    return coloured


def _outline(shades: Pixels, levels: Sequence[float], plane: Plane) -> NDArray[np.bool_]:
    """Pixels on whose right or lower side a level is crossed."""
    large = _resized(shades, plane)
    edge = np.zeros(large.shape, bool)
    for level in levels:
        above = large > level
        edge[:, :-1] |= above[:, 1:] != above[:, :-1]
        edge[:-1] |= above[1:] != above[:-1]
    return edge


def _resized(shades: Pixels, plane: Plane) -> NDArray[np.float32]:
    wide, high = plane.size
    width = int(np.clip(round(HEIGHT * wide / high), 8, 4 * HEIGHT))
    image = Image.fromarray(np.clip(shades, 0, 1).astype(np.float32))
    return np.asarray(image.resize((width, HEIGHT), Image.Resampling.BILINEAR))
