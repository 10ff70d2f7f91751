"""Where the two images agree, drawn over fixed."""

from __future__ import annotations

import numpy as np

from regkit.report.canvas import strip
from regkit.report.picture import Picture
from regkit.report.scene import Scene
from regkit.report.slices import Pixels, cut_plane
from regkit.volume.volume import Volume

CHANCE = 0.5  # share of remote places that match as well, in images that have nothing in common
_ORANGE = (1.0, 0.45, 0.0)
_DENSEST = 0.75


def agreement_map(scene: Scene, chance: Volume, alt: str) -> Picture:
    """Draw fixed in grey, tinted orange where blocks match no better than by chance.

    Parameters
    ----------
    scene
        The planes, and fixed on them.
    chance
        Share of remote places that match a block as well as its own place, in the world of fixed;
        see :meth:`regkit.registration.agreement.Blocks.agreement_and_map`.
    alt
        Words that stand for the picture where it cannot be seen.
    """
    drawn = strip(scene.planes)
    for panel, fixed in zip(drawn.panels, scene.fixed, strict=True):
        panel.show(_tinted(fixed, cut_plane(chance, panel.plane, outside=0.0)))
    return drawn.picture(alt)


def share_at_chance(chance: Volume) -> float:
    """Return the share of what was compared that matches no better than by chance."""
    return float((chance.data_values() >= CHANCE).float().mean())


def _tinted(grey: Pixels, chance: Pixels) -> Pixels:
    """Colours ``(rows, columns, 3)``."""
    dense = _DENSEST * np.clip(np.nan_to_num(chance) / CHANCE, 0, 1)[..., None]
    out: Pixels = ((1 - dense) * grey[..., None] + dense * np.array(_ORANGE)).astype(np.float32)
    return out
