"""Images that are warped when they are touched, part by part: none need fit into memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from regkit.geometry import Grid
from regkit.resample import Interpolation, warp
from regkit.transforms import Transform
from regkit.volume import Labels, Volume
from regkit.volume.deferred import DeferredVoxels, Part, Voxels

_APART = 8  # pixels from one to the next at which a part is looked for in moving
_AROUND = 3  # pixels beside it: what is interpolated, and rounding


@dataclass(frozen=True, eq=False)
class WarpedSource:
    """A moving image through a transform, as :class:`regkit.volume.deferred.VoxelSource` has it.

    Parameters
    ----------
    moving
        The image, in memory or in a file that can be read in parts.
    phi
        World points of ``grid`` to world points of ``moving``.
    grid
        Where it is wanted.
    nearest
        Take the nearest voxel instead of mixing several.
    """

    moving: Volume
    phi: Transform
    grid: Grid
    nearest: bool = False

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.moving.name

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the voxels, ``(C, *spatial)``."""
        return (self.moving.channels, *self.grid.shape)

    @property
    def dtype(self) -> torch.dtype:
        """That of moving."""
        return self.moving.dtype

    @property
    def in_parts(self) -> bool:
        """A part needs no other."""
        return True

    def read(self, part: Part | None = None) -> Voxels:
        """Warp a part, or all: data ``(C, *spatial)``, and where they are valid.

        What lies beyond moving is no data. Where all of a part is data its map is None.

        Raises
        ------
        InputError
            If moving cannot be read.
        """
        where = part or tuple(slice(0, n) for n in self.grid.shape)
        start, shape = [s.start for s in where], [s.stop - s.start for s in where]
        onto = self.grid.window(start, shape)
        source, inside = self._around(onto)
        if not inside and source.valid is None:
            # So that what lies beyond the image is told from what it shows.
            source = replace(source, valid=torch.ones(source.shape, dtype=torch.bool))
        # Whole numbers of 32 and 64 bits keep them all as labels.
        if self.nearest and not source.data.is_floating_point():
            source = Labels(source.data, source.grid, source.name, source.valid)
        found = warp(source, self.phi, onto=onto, interpolation=self._interpolation)
        known = found.valid
        return found.data, None if known is None or bool(known.all()) else known

    @property
    def _interpolation(self) -> Interpolation | None:
        return "nearest" if self.nearest else None

    def _around(self, onto: Grid) -> tuple[Volume, bool]:
        """What of moving a part needs, and whether all of that is in it."""
        index = self.moving.grid.to_index(self.phi(_lattice(onto))).numpy()
        # Between the points of the lattice it may bulge as much as it bends from one to the next.
        bulge = max(float(np.abs(np.diff(index, 2, axis)).max(initial=0)) for axis in (0, 1))
        flat, room = index.reshape(-1, index.shape[-1]), _AROUND + int(np.ceil(bulge))
        first = np.floor(flat.min(0)).astype(int) - room
        last = np.ceil(flat.max(0)).astype(int) + room + 1
        low, high = np.clip([first, last], 0, self.moving.shape)
        low = np.minimum(low, np.array(self.moving.shape) - 1)
        high = np.maximum(high, low + 1)
        inside = bool((low == first).all() and (high == last).all())
        return self.moving.window(low.tolist(), (high - low).tolist()), inside


def _lattice(grid: Grid) -> torch.Tensor:
    """World points of every eighth voxel of a grid along each axis, and of the last ones."""
    axes = [
        torch.from_numpy(np.unique([*range(0, n, _APART), n - 1]).astype(np.float64))
        for n in grid.shape
    ]
    return grid.to_world(torch.stack(torch.meshgrid(*axes, indexing="ij"), -1))


def warp_when_touched(
    moving: Volume, phi: Transform, *, onto: Grid, nearest: bool = False
) -> Volume:
    """Give ``moving`` on another grid, whose voxels are computed when they are touched.

    Parameters
    ----------
    moving
        The image; of one in a file only what a part needs is read.
    phi
        World points of ``onto`` to world points of ``moving``.
    onto
        Where it is wanted.
    nearest
        Mix no voxels.
    """
    return Volume.of_deferred(DeferredVoxels(WarpedSource(moving, phi, onto, nearest)), onto)
