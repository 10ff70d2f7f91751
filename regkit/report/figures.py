"""Figures that compare fixed with moving, before and after.

Colours are told apart with any kind of colour vision: magenta against green where two images are
laid over each other, orange lines on grey, red against blue around white.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from regkit.report.canvas import MAP, Picture, add_bar, extent, picture, strip
from regkit.report.scene import Scene
from regkit.report.slices import Pixels, Plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE = "#ffb000"
_TILES = 7


def grey(planes: Sequence[Plane], images: Sequence[Pixels], alt: str) -> Picture:
    """Plain slices."""
    figure, axes = strip(planes)
    for ax, plane, image in zip(axes, planes, images, strict=True):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1, extent=extent(plane))
    return picture(figure, alt)


def overlay(scene: Scene, images: Sequence[Pixels], alt: str) -> Picture:
    """Fixed in magenta and another image in green: grey where they agree."""
    figure, axes = strip(scene.planes)
    for ax, plane, fixed, other in zip(axes, scene.planes, scene.fixed, images, strict=True):
        ax.imshow(np.stack([fixed, other, fixed], axis=-1), extent=extent(plane))
    return picture(figure, alt)


def contours(scene: Scene, images: Sequence[Pixels], alt: str) -> Picture:
    """Outlines of fixed drawn on another image."""
    figure, axes = strip(scene.planes)
    for ax, plane, fixed, other in zip(axes, scene.planes, scene.fixed, images, strict=True):
        ax.imshow(other, cmap="gray", vmin=0, vmax=1, extent=extent(plane))
        outline(ax, plane, fixed, scene.levels)
    return picture(figure, alt)


def checkerboard(scene: Scene, alt: str) -> Picture:
    """Tiles of fixed and of warped in turn: structures should run on across the edges."""
    figure, axes = strip(scene.planes)
    tile = min(min(plane.size) for plane in scene.planes) / _TILES
    for ax, plane, fixed, after in zip(axes, scene.planes, scene.fixed, scene.after, strict=True):
        mixed = np.where(_tiles(plane, fixed.shape, tile), fixed, after)
        ax.imshow(mixed, cmap="gray", vmin=0, vmax=1, extent=extent(plane))
    return picture(figure, alt)


def differences(scene: Scene, alt_before: str, alt_after: str) -> tuple[Picture, Picture]:
    """Moving minus fixed before and after, on one colour scale."""
    before = [b - f for b, f in zip(scene.before, scene.fixed, strict=True)]
    after = [a - f for a, f in zip(scene.after, scene.fixed, strict=True)]
    largest = np.quantile(np.abs(np.concatenate([d.ravel() for d in before + after])), 0.995)
    limit = max(float(largest), 0.01)
    return (
        _difference(scene.planes, before, limit, alt_before),
        _difference(scene.planes, after, limit, alt_after),
    )


def outline(
    ax: Axes, plane: Plane, image: Pixels, levels: Sequence[float], color: str = _LINE
) -> None:
    """Isolines of a slightly smoothed slice; nothing where the slice does not reach a level."""
    smooth = gaussian_filter(image, 0.7)
    reached = [level for level in sorted({*levels}) if smooth.min() < level < smooth.max()]
    if reached and min(smooth.shape) > 1:
        ax.contour(
            smooth, levels=reached, colors=color, linewidths=0.7, linestyles="solid",
            extent=extent(plane), origin="upper",
        )  # fmt: skip


def _difference(
    planes: Sequence[Plane], images: Sequence[Pixels], limit: float, alt: str
) -> Picture:
    figure, axes = strip(planes, look=MAP)
    for ax, plane, image in zip(axes, planes, images, strict=True):
        drawn = ax.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit, extent=extent(plane))
    add_bar(figure, drawn, "moving - fixed")
    return picture(figure, alt)


def _tiles(plane: Plane, shape: tuple[int, ...], tile: float) -> np.ndarray:
    width, height = plane.size
    rows = (np.arange(shape[0]) + 0.5) * height / shape[0] // tile
    columns = (np.arange(shape[1]) + 0.5) * width / shape[1] // tile
    odd: np.ndarray = (rows[:, None] + columns[None, :]) % 2 == 1
    return odd
