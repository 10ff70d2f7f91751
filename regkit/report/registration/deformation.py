"""Figures of the transform itself: the deformed grid and the log-Jacobian map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from regkit.report.canvas import MAP, strip
from regkit.report.figures import outline
from regkit.report.picture import Picture
from regkit.report.scene import Scene
from regkit.report.slices import Pixels, Plane, cut_plane
from regkit.transforms import Affine, Transform, compose
from regkit.volume.volume import Volume

_LINES = "#56b4e9"
# A round number of world units between grid lines, about this many across the widest panel.
_COUNT = 22


def grid_step(planes: Sequence[Plane]) -> float:
    """Choose the distance of grid lines in world units: 1, 2 or 5 times a power of ten.

    The lines stand about as dense in a cell-sized picture as on a satellite scene.
    """
    wanted = max(max(plane.size) for plane in planes) / _COUNT
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(min((1, 2, 5, 10), key=lambda m: abs(np.log(m * power / wanted))) * power)


def deformed_grid(scene: Scene, phi: Transform, affine: Affine, alt: str) -> Picture:
    """Draw a regular grid as ``phi`` bends it, without its global part ``affine``.

    Lines join the points of fixed that come from one straight line of moving; movement out of
    the plane does not show.

    Parameters
    ----------
    scene
        The planes, and fixed on them.
    phi
        World points of fixed to world points of moving.
    affine
        Its global part, fixed to moving too, which is undone.
    alt
        Words that stand for the picture where it cannot be seen.
    """
    local = compose(affine.inverse(), phi)
    drawn = strip(scene.planes)
    step = grid_step(scene.planes)
    for panel, fixed in zip(drawn.panels, scene.fixed, strict=True):
        panel.show(0.6 * fixed)
        for coordinate in _coordinates(panel.plane, local):
            first, last = np.ceil(coordinate.min() / step), np.floor(coordinate.max() / step)
            panel.lines(coordinate, (step * np.arange(first, last + 1)).tolist(), _LINES)
    return drawn.picture(alt)


def jacobian_map(scene: Scene, jacobian: Volume, alt: str) -> Picture:
    """Draw the natural logarithm of the Jacobian determinant, with folded voxels marked.

    Parameters
    ----------
    scene
        The planes, and fixed on them.
    jacobian
        The determinant, in the world of fixed; 0 or less where the transform folds.
    alt
        Words that stand for the picture where it cannot be seen.
    """
    maps = [cut_plane(jacobian, plane, outside=1.0) for plane in scene.planes]
    limit = jacobian_limit(maps)
    drawn = strip(scene.planes, look=MAP)
    for panel, image, fixed in zip(drawn.panels, maps, scene.fixed, strict=True):
        logs = np.log(np.clip(np.nan_to_num(image), 1e-3, None))
        scale = panel.show_signed(logs, limit)
        outline(panel, fixed, scene.levels[:1], color="#444444")
        panel.marks(~(image > 0), "#ffe000")
    drawn.add_bar(scale, "log Jacobian")
    return drawn.picture(alt)


def jacobian_limit(maps: Sequence[NDArray[np.float32]]) -> float:
    """Choose the logarithm at which the colours of determinants end.

    Most of what does not fold lies within, and maps of a rigid transform stay white. ``maps`` are
    arrays of any shape.
    """
    values = np.concatenate([image.ravel() for image in maps])
    logs = np.abs(np.log(values[values > 0]))
    return max(float(np.quantile(logs, 0.99)), 0.1) if logs.size else 0.1


def _coordinates(plane: Plane, local: Transform) -> tuple[Pixels, Pixels]:
    """In-plane coordinates, in world units from the plane's corner, of where points come from."""
    index = plane.grid.to_index(local(plane.points))
    across = plane.pixels((index[..., plane.across] + 0.5) * plane.grid.spacing[plane.across])
    up = plane.pixels((index[..., plane.up] + 0.5) * plane.grid.spacing[plane.up])
    return across, up
