"""Figures of the transform itself: the deformed grid and the log-Jacobian map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from regkit.geometry.grid import Grid
from regkit.metrics.affine_part import affine_part
from regkit.report.canvas import MAP, Picture, add_bar, extent, picture, strip
from regkit.report.figures import outline
from regkit.report.scene import Scene
from regkit.report.slices import Pixels, Plane, cut
from regkit.transforms import Transform, compose
from regkit.volume.volume import Volume

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = "#56b4e9"
# A round number of world units between grid lines, about this many across the widest panel.
_COUNT = 22


def grid_step(planes: Sequence[Plane]) -> float:
    """Distance of grid lines in world units: 1, 2 or 5 times a power of ten.

    The lines stand about as dense in a cell-sized picture as on a satellite scene.
    """
    wanted = max(max(plane.size) for plane in planes) / _COUNT
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(min((1, 2, 5, 10), key=lambda m: abs(np.log(m * power / wanted))) * power)


def deformed_grid(scene: Scene, phi: Transform, grid: Grid, alt: str) -> Picture:
    """A regular grid as ``phi`` bends it, without its global (affine) part.

    Lines join the points of fixed that come from one straight line of moving; movement out of
    the plane does not show.
    """
    local = compose(affine_part(phi, grid).inverse(), phi)
    figure, axes = strip(scene.planes)
    step = grid_step(scene.planes)
    for ax, plane, fixed in zip(axes, scene.planes, scene.fixed, strict=True):
        ax.imshow(0.6 * fixed, cmap="gray", vmin=0, vmax=1, extent=extent(plane))
        for coordinate in _coordinates(plane, local):
            _isolines(ax, plane, coordinate, step)
    return picture(figure, alt)


def jacobian_map(scene: Scene, jacobian: Volume, alt: str) -> Picture:
    """Natural logarithm of the determinant, with folded voxels marked."""
    maps = [cut(jacobian, plane, outside=1.0) for plane in scene.planes]
    logs = [np.log(np.clip(np.nan_to_num(image), 1e-3, None)) for image in maps]
    limit = max(float(np.quantile(np.abs(np.concatenate([x.ravel() for x in logs])), 0.99)), 0.1)
    figure, axes = strip(scene.planes, look=MAP)
    for ax, plane, image, log, fixed in zip(
        axes, scene.planes, maps, logs, scene.fixed, strict=True
    ):
        drawn = ax.imshow(log, cmap="RdBu_r", vmin=-limit, vmax=limit, extent=extent(plane))
        outline(ax, plane, fixed, scene.levels[:1], color="#444444")
        _mark_folds(ax, plane, image)
    add_bar(figure, drawn, "log Jacobian")
    return picture(figure, alt)


def _coordinates(plane: Plane, local: Transform) -> tuple[Pixels, Pixels]:
    """In-plane coordinates, in world units from the plane's corner, of where points come from."""
    index = plane.grid.to_index(local(plane.points))
    across = plane.pixels((index[..., plane.across] + 0.5) * plane.grid.spacing[plane.across])
    up = plane.pixels((index[..., plane.up] + 0.5) * plane.grid.spacing[plane.up])
    return across, up


def _isolines(ax: Axes, plane: Plane, coordinate: Pixels, step: float) -> None:
    first, last = np.ceil(coordinate.min() / step), np.floor(coordinate.max() / step)
    if min(coordinate.shape) > 1 and first <= last:
        ax.contour(
            coordinate, levels=step * np.arange(first, last + 1), colors=_LINES,
            linewidths=0.7, linestyles="solid", extent=extent(plane), origin="upper",
        )  # fmt: skip


def _mark_folds(ax: Axes, plane: Plane, image: Pixels) -> None:
    rows, columns = np.nonzero(~(image > 0))
    width, height = plane.size
    x = (columns + 0.5) * width / image.shape[1]
    y = height - (rows + 0.5) * height / image.shape[0]
    ax.scatter(x, y, s=14, marker="s", c="#ffe000", edgecolors="black", linewidths=0.8, zorder=5)
