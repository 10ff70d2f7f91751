"""Slices through a volume, as a radiologist expects to see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regkit.geometry.grid import Grid
from regkit.report.display import display_foreground
from regkit.resample import values_at
from regkit.transforms import Transform
from regkit.volume.volume import Volume

Pixels = NDArray[np.float32]

# More pixels than a screen shows only make the report heavy.
_LARGEST = 512


@dataclass(frozen=True)
class Plane:
    """One slice of a canonically stored grid.

    Parameters
    ----------
    name
        ``axial``, ``coronal``, ``sagittal``, or ``plane`` in 2-D.
    grid
        The slice as a grid of its own, RAS order, one voxel thick in 3-D.
    across, up
        Index axes that run horizontally and vertically on the screen.
    mirrored
        Whether the index grows towards the left of the screen.
    letters
        What lies at the left, right, top and bottom edge.
    """

    name: str
    grid: Grid
    across: int
    up: int
    mirrored: bool
    letters: tuple[str, str, str, str]

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the slice in world units."""
        shape, spacing = self.grid.shape, self.grid.spacing
        return shape[self.across] * spacing[self.across], shape[self.up] * spacing[self.up]

    @cached_property
    def points(self) -> Tensor:
        """World positions of the slice's voxels, ``(*grid.shape, d)``."""
        return self.grid.world_points()

    def pixels(self, values: Tensor) -> Pixels:
        """Values ``(*grid.shape)`` as rows and columns of the screen, top left first."""
        order = [self.up, self.across, *({*range(self.grid.ndim)} - {self.up, self.across})]
        image = values.permute(order).reshape(self.grid.shape[self.up], -1).flip(0)
        image = image.flip(1) if self.mirrored else image
        out: Pixels = image.cpu().numpy().astype(np.float32)
        return out


# Normal, across, up: radiological, so that the patient's right is at the left of the screen.
_VIEWS = {
    "axial": (2, 0, 1, ("R", "L", "A", "P")),
    "coronal": (1, 0, 2, ("R", "L", "S", "I")),
    "sagittal": (0, 1, 2, ("A", "P", "S", "I")),
}


def planes(volume: Volume) -> tuple[Plane, ...]:
    """Choose three orthogonal slices through the middle of the foreground; in 2-D the image itself.

    Views in which the volume is a single voxel wide are left out, unless none would be left.
    """
    grid = volume.grid.reoriented("RAS"[: volume.ndim])
    if volume.ndim == 2:
        letters = ("W", "E", "N", "S") if grid.world.crs else ("-x", "+x", "+y", "-y")
        return (Plane("plane", _fitted(grid, (0, 1)), 0, 1, False, letters),)
    middle = _middle(volume, grid)
    views = [
        Plane(name, _fitted(_slice(grid, normal, middle), (across, up)), across, up, True, letters)
        for name, (normal, across, up, letters) in _VIEWS.items()
    ]
    wide = [
        view for view in views if min(view.grid.shape[view.across], view.grid.shape[view.up]) > 1
    ]
    return tuple(wide or views)


def cut_plane(
    volume: Volume, plane: Plane, phi: Transform | None = None, *, outside: float = 0
) -> Pixels:
    """The first channel of ``volume`` on a plane, through ``phi`` if there is one.

    Parameters
    ----------
    volume
        Image or labels.
    plane
        A slice of fixed's world.
    phi
        World points of the plane to world points of ``volume``; by default they are one world.
    outside
        Value beyond ``volume``.
    """
    points = plane.points.to(volume.data.device)
    mapped = points if phi is None else phi(points)
    one = volume if volume.channels == 1 else volume.with_data(volume.data[:1])
    return plane.pixels(values_at(one, mapped, outside=outside)[0])


def overlap_share(volume: Volume, view: Sequence[Plane]) -> float:
    """Return the share of the planes' points that lie in the field of view of ``volume``."""
    inside = [volume.grid.contains(plane.points).flatten() for plane in view]
    return float(torch.cat(inside).double().mean())


def _middle(volume: Volume, grid: Grid) -> list[int]:
    """Index, on ``grid``, of the middle of the foreground's bounding box."""
    index = display_foreground(volume)
    centre = grid.to_index(volume.grid.to_world((index.amin(0) + index.amax(0)) / 2))
    # A middle between two voxels must not fall to either side by rounding errors.
    nearest = torch.floor(centre + 0.5 + 1e-6).int().tolist()
    return [min(max(c, 0), n - 1) for c, n in zip(nearest, grid.shape, strict=True)]


def _slice(grid: Grid, normal: int, middle: Sequence[int]) -> Grid:
    start, shape = [0] * grid.ndim, list(grid.shape)
    start[normal], shape[normal] = middle[normal], 1
    return grid.window(start, shape)


def _fitted(grid: Grid, axes: tuple[int, int]) -> Grid:
    """The same slice in at most as many pixels as are worth showing."""
    shape = [min(n, _LARGEST) if axis in axes else n for axis, n in enumerate(grid.shape)]
    return grid if tuple(shape) == grid.shape else grid.with_shape(shape)
