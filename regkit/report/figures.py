"""Figures that compare fixed with moving, before and after.

Colours are told apart with any kind of colour vision: magenta against green where two images are
laid over each other, orange lines on grey, red against blue around white.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from regkit.kernels.smoothing import gaussian
from regkit.report.canvas import MAP, Panel, strip
from regkit.report.picture import Picture
from regkit.report.scene import Scene
from regkit.report.slices import Pixels, Plane

_LINE = "#ffb000"
_TILES = 7


def grey(planes: Sequence[Plane], images: Sequence[Pixels], alt: str) -> Picture:
    """Draw plain slices in grey.

    Parameters
    ----------
    planes
        Where the slices lie; they are drawn side by side.
    images
        Their shades 0..1, ``(rows, columns)`` each.
    alt
        Words that stand for the picture where it cannot be seen.
    """
    drawn = strip(planes)
    for panel, image in zip(drawn.panels, images, strict=True):
        panel.show(image)
    return drawn.picture(alt)


def overlay(scene: Scene, images: Sequence[Pixels], alt: str) -> Picture:
    """Draw fixed in magenta and another image in green: grey where they agree.

    Parameters
    ----------
    scene
        The planes, and fixed on them.
    images
        Shades 0..1 of the other image on the same planes, ``(rows, columns)`` each.
    alt
        Words that stand for the picture where it cannot be seen.
    """
    drawn = strip(scene.planes)
    for panel, fixed, other in zip(drawn.panels, scene.fixed, images, strict=True):
        panel.show(np.stack([fixed, other, fixed], axis=-1))
    return drawn.picture(alt)


def contours(scene: Scene, images: Sequence[Pixels], alt: str) -> Picture:
    """Draw the outlines of fixed on another image.

    Parameters
    ----------
    scene
        The planes, and fixed on them with the levels of its outlines.
    images
        Shades 0..1 of the other image on the same planes, ``(rows, columns)`` each.
    alt
        Words that stand for the picture where it cannot be seen.
    """
    drawn = strip(scene.planes)
    for panel, fixed, other in zip(drawn.panels, scene.fixed, images, strict=True):
        panel.show(other)
        outline(panel, fixed, scene.levels)
    return drawn.picture(alt)


def checkerboard(scene: Scene, alt: str) -> Picture:
    """Draw tiles of fixed and of warped in turn: structures should run on across the edges."""
    drawn = strip(scene.planes)
    tile = min(min(plane.size) for plane in scene.planes) / _TILES
    for panel, fixed, after in zip(drawn.panels, scene.fixed, scene.after, strict=True):
        panel.show(np.where(_tiles(panel.plane, fixed.shape, tile), fixed, after))
    return drawn.picture(alt)


def differences(scene: Scene, alt_before: str, alt_after: str) -> tuple[Picture, Picture]:
    """Draw moving minus fixed before and after registration, on one colour scale.

    Parameters
    ----------
    scene
        All three images on the same planes.
    alt_before, alt_after
        Words that stand for each of the two pictures where it cannot be seen.
    """
    before = [b - f for b, f in zip(scene.before, scene.fixed, strict=True)]
    after = [a - f for a, f in zip(scene.after, scene.fixed, strict=True)]
    largest = np.quantile(np.abs(np.concatenate([d.ravel() for d in before + after])), 0.995)
    limit = max(float(largest), 0.01)
    return (
        _difference(scene.planes, before, limit, alt_before),
        _difference(scene.planes, after, limit, alt_after),
    )


def outline(panel: Panel, image: Pixels, levels: Sequence[float], color: str = _LINE) -> None:
    """Draw isolines of a slightly smoothed slice.

    Parameters
    ----------
    panel
        Where they are drawn.
    image
        Shades of the slice, ``(rows, columns)``.
    levels
        The shades that are outlined.
    color
        Of the lines, as CSS names it.
    """
    smooth = gaussian(torch.from_numpy(np.ascontiguousarray(image))[None], 0.7)[0]
    panel.lines(smooth.numpy(), levels, color)


def _difference(
    planes: Sequence[Plane], images: Sequence[Pixels], limit: float, alt: str
) -> Picture:
    drawn = strip(planes, look=MAP)
    for panel, image in zip(drawn.panels, images, strict=True):
        scale = panel.show_signed(image, limit)
    drawn.add_bar(scale, "moving - fixed")
    return drawn.picture(alt)


def _tiles(plane: Plane, shape: tuple[int, ...], tile: float) -> NDArray[np.bool_]:
    """True on every other tile, ``shape``."""
    width, height = plane.size
    rows = (np.arange(shape[0]) + 0.5) * height / shape[0] // tile
    columns = (np.arange(shape[1]) + 0.5) * width / shape[1] // tile
    odd: NDArray[np.bool_] = (rows[:, None] + columns[None, :]) % 2 == 1
    return odd
