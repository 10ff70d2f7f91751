"""Structure: the part of a mask in which something happens, cut out with a margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.kernels.distance import distance_to
from regkit.volume import Volume

Flags = NDArray[np.bool_]


class EmptyMaskError(InputError):
    """A mask without a voxel has no box and no point: the prompt is empty."""


@dataclass(frozen=True, eq=False)
class Structure:
    """The voxels of a structure and those around them.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``; what is above 0.5 belongs to the structure.
    inside
        Boolean, the part that was cut out; it may reach beyond the field of view, where nothing
        belongs to the structure.
    start
        Index in ``mask`` of its first voxel.
    """

    mask: Volume
    inside: Flags
    start: tuple[int, ...]

    @classmethod
    def around(cls, mask: Volume, margin: float, *, beyond: int = 2) -> Structure:
        """Cut a structure out with a margin on each side.

        Parameters
        ----------
        mask
            ``(1, i, j, k)``.
        margin
            In world units; two voxels are added.
        beyond
            How many voxels the part may reach out of the field of view.

        Raises
        ------
        EmptyMaskError
            If the mask holds no voxel.
        InputError
            If the grid is sheared: distances along its axes are none in the world.
        """
        _check_orthogonal(mask)
        whole = (mask.data[0] > 0.5).cpu().numpy()
        _check_held(bool(whole.any()), mask)
        first, last = _bounds(whole)
        pad = np.ceil(margin / np.array(mask.spacing)).astype(int) + 2
        start = np.maximum(first - pad, -beyond)
        stop = np.minimum(last + pad, np.array(whole.shape) + beyond)
        low, high = np.maximum(start, 0), np.minimum(stop, whole.shape)
        part = whole[tuple(map(slice, low, high))]
        padding = list(zip(low - start, stop - high, strict=True))
        return cls(mask, np.pad(part, padding), tuple(int(n) for n in start))

    @property
    def grid(self) -> Grid:
        """Where the part lies in the world."""
        return self.mask.grid.window(self.start, self.inside.shape)

    @property
    def spacing(self) -> tuple[float, ...]:
        """In world units."""
        return self.mask.spacing

    @property
    def count(self) -> int:
        """The number of voxels of the structure."""
        return int(self.inside.sum())

    @cached_property
    def in_view(self) -> Flags:
        """Which voxels of the part lie in the field of view."""
        flags = np.zeros(self.inside.shape, dtype=bool)
        flags[self._view()[0]] = True
        return flags

    def signed_distance(self, limit: float, *, face: float = 0.0) -> NDArray[np.float64]:
        """Return the distance of centres to the structure, negative inside, ``(i, j, k)``.

        Parameters
        ----------
        limit
            In world units; what is farther counts as infinitely far.
        face
            0 for distances to centres, 0.5 for those to what voxels fill.
        """
        outward = distance_to(self.inside, self.spacing, limit=limit, face=face)
        inward = distance_to(~self.inside, self.spacing, limit=limit, face=face)
        return np.where(self.inside, -inward, outward)

    def centroid(self, inside: Flags | None = None) -> NDArray[np.float64]:
        """World position of the mean of the voxels, ``(d,)``, of a part ``(i, j, k)`` of its shape.

        ``inside`` is by default that of the structure.
        """
        flags = self.inside if inside is None else inside
        index = torch.from_numpy(np.argwhere(flags).mean(axis=0))
        return np.asarray(self.grid.to_world(index).numpy())

    def moved(self, voxels: Sequence[int]) -> Structure:
        """Return the structure moved by whole ``voxels`` along each index axis."""
        start = tuple(a + int(b) for a, b in zip(self.start, voxels, strict=True))
        return replace(self, start=start)

    def put(self, inside: Flags) -> tuple[Volume, bool]:
        """Put another structure, ``(i, j, k)`` of the shape of the part, in place of this one.

        Returns
        -------
        Volume
            The mask on its whole grid, 0 and 1, uint8.
        bool
            Whether the new structure touches the border of the field of view, or reached beyond.
        """
        part, place = self._view()
        out = np.zeros(self.mask.shape, dtype=np.uint8)
        out[place] = inside[part]
        clipped = bool((inside & ~self.in_view).any()) or _touches_border(inside[part], place, out)
        return self.mask.with_data(torch.from_numpy(out[None])), clipped

    def spread_out(self, values: Tensor, outside: float) -> Tensor:
        """Put ``values (i, j, k)`` of the part on the whole grid, ``(1, *shape)``.

        ``outside`` is the value of all other voxels.
        """
        part, place = self._view()
        out = values.new_full(self.mask.shape, outside)
        out[place] = values[part]
        return out[None]

    def _view(self) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """What of the part lies in the field of view, and where that is in the mask."""
        start, size = np.array(self.start), np.array(self.inside.shape)
        # A part that lies beyond the field of view is empty at its border.
        low = np.clip(start, 0, self.mask.shape)
        high = np.clip(start + size, low, self.mask.shape)
        inner = tuple(
            map(
                slice,
                np.clip(low - start, 0, size).tolist(),
                np.clip(high - start, 0, size).tolist(),
            )
        )
        return inner, tuple(map(slice, low.tolist(), high.tolist()))


def voxel_positions(mask: Volume) -> NDArray[np.float64]:
    """Return world positions ``(N, d)`` of the centres of the voxels of a mask.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``; what is above 0.5 counts. Its grid may be sheared.

    Raises
    ------
    EmptyMaskError
        If there are none.
    """
    index = torch.nonzero(mask.data[0] > 0.5).cpu()
    _check_held(len(index) > 0, mask)
    return np.asarray(mask.grid.to_world(index.double()).numpy())


def _check_held(held: bool, mask: Volume) -> None:
    if not held:
        raise EmptyMaskError(
            f"{mask.name or 'mask'}: it holds no voxel, so no box or point can be made of it; "
            "leave the structure out"
        )


def _touches_border(part: Flags, place: tuple[slice, ...], whole: NDArray[np.uint8]) -> bool:
    for axis, where in enumerate(place):
        rows = np.moveaxis(part, axis, 0)
        if not len(rows):
            return False
        if where.start == 0 and rows[0].any():
            return True
        if where.stop == whole.shape[axis] and rows[-1].any():
            return True
    return False


def _bounds(whole: Flags) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First index of the structure along each axis, and one after the last."""
    first, last = [], []
    rest = whole
    for axis in range(whole.ndim):
        others = tuple(n for n in range(whole.ndim) if n != axis)
        (held,) = np.nonzero(rest.any(axis=others))
        first.append(held[0])
        last.append(held[-1] + 1)
        rest = rest[(slice(None),) * axis + (slice(held[0], held[-1] + 1),)]
    return np.array(first), np.array(last)


def _check_orthogonal(mask: Volume) -> None:
    if mask.grid.straightened() is not mask.grid:
        raise InputError(
            f"{mask.name or 'mask'}: the axes of its grid are not at right angles, as the gantry "
            "of a CT tilts them; resample it onto grid.straightened() first"
        )
