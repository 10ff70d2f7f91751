"""What the viewer of a registration shows: both images, the labels, and what the transform does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from regkit.geometry.grid import Grid
from regkit.kernels.fields import identity_index, turn_vectors
from regkit.registration.result import Result
from regkit.report.display import Range
from regkit.report.parts import Section, hint, viewer
from regkit.report.registration.deformation import grid_step, jacobian_limit
from regkit.report.scene import Scene
from regkit.report.small_copies import focus, has_volume, small_copy, small_grid
from regkit.report.volumes import Layer, coded_layer, image_layer, label_layers, signed_layer
from regkit.transforms import Affine, Transform, compose
from regkit.volume.volume import Labels, Volume

FIXED, MOVING, WARPED = "fixed", "moving, placed by its header", "warped"
JACOBIAN, CUBES, FOLDING = "log Jacobian", "deformed grid", "folding"
_IMAGES, _COMPRESSION = 4, 4  # label maps and cubes take a quarter of the room of images
_VOXELS = 4  # along the edge of a cube
_SLAB = 1 << 17  # voxels whose positions are in memory at a time
_HOW = (
    "Two images at a time, one over the other, with one crosshair in three planes. Let the image "
    "above flicker, fade it, or cut both into a checkerboard: what jumps does not match."
)


def registration_viewer(
    result: Result,
    cuts: Scene,
    affine: Affine,
    labels: Mapping[str, Labels],
    beside: Sequence[Section],
) -> list[Section]:
    """Make the section with the viewer; none for flat images.

    Parameters
    ----------
    result
        The registration.
    cuts
        The planes of the pictures, where the crosshair begins.
    affine
        The global part of the transform, world affine from fixed to moving.
    labels
        Label maps in the world of fixed, by what they are called.
    beside
        All other sections of the page, which leave less room the larger they are.
    """
    if not has_volume(result.fixed.grid):
        return []
    count = _IMAGES + math.ceil((2 + len(labels)) / _COMPRESSION)
    grid = small_grid(result.fixed.grid, count, beside)
    layers = [
        *image_layers(result, grid, cuts.ranges),
        *label_layers(labels, grid),
        *jacobian_layers(result.jacobian, grid),
        _cubes(result.transform, affine, grid, _step(cuts, grid)),
    ]
    shown = viewer(layers, grid, focus(grid, cuts.planes))
    return [Section("Look through the images", [hint(_HOW), shown])]


def image_layers(result: Result, grid: Grid, ranges: tuple[Range, Range]) -> list[Layer]:
    """Make layers of fixed, warped, and moving as its header places it.

    Parameters
    ----------
    result
        The registration.
    grid
        See :func:`regkit.report.small_copies.small_grid`.
    ranges
        The intensities shown black and white: of fixed, and of moving and warped.
    """
    limits, other = ranges
    return [
        image_layer(FIXED, result.fixed, grid, limits),
        image_layer(WARPED, result.warped, grid, other),
        image_layer(MOVING, result.moving, grid, other),
    ]


def jacobian_layers(jacobian: Volume, grid: Grid) -> list[Layer]:
    """Make layers of the logarithm of the mean determinant of each block, and of folded blocks.

    Parameters
    ----------
    jacobian
        The determinant on the grid of fixed; there is no second layer where none is negative or 0.
    grid
        See :func:`regkit.report.small_copies.small_grid`.
    """
    means = small_copy(jacobian, grid).data[0]
    logs = means.clamp(min=1e-3).log()
    layers = [signed_layer(JACOBIAN, logs, grid, jacobian_limit([means.numpy()]))]
    folds = jacobian.with_data((jacobian.data <= 0).float())
    if bool(folds.data.any()):
        where = (small_copy(folds, grid).data[0] > 0).byte()
        layers.append(coded_layer(FOLDING, where, grid, ("here",)))
    return layers


def _step(cuts: Scene, grid: Grid) -> float:
    """The distance of the lines in the pictures, doubled until cubes have enough voxels."""
    step = grid_step(cuts.planes)
    doublings = max(0, math.ceil(math.log2(_VOXELS * max(grid.spacing) / step)))
    return math.ldexp(step, doublings)


def _cubes(phi: Transform, affine: Affine, grid: Grid, step: float) -> Layer:
    """Cubes of moving in turn dark and light, as they come to lie on fixed."""
    local = compose(affine.inverse(), phi)
    parts = []
    for rows in grid.slabs(_SLAB):
        matrix, u = local.on(grid, rows)
        part = grid.rows(rows)
        index = identity_index(part.shape, u) + turn_vectors(u, part.inverse_affine[:-1, :-1])
        # From voxels of the part to voxels of the grid, and from those to cubes.
        share = np.diag([*np.divide(grid.spacing, step), 1.0])
        whole = share @ grid.inverse_affine @ matrix @ part.affine
        start = whole[:-1, -1] + 0.5 * share.diagonal()[:-1]
        place = turn_vectors(index, whole[:-1, :-1]) + u.new_tensor(start).reshape(-1, 1, 1, 1)
        parts.append(place.floor().sum(0).remainder(2).byte())
    return coded_layer(CUBES, torch.cat(parts), grid)
