"""Small copies of volumes on one grid, in as many voxels as a page has room for.

They are means over whole blocks of voxels of fixed, stored as RAS, so that every volume of a page
has the same voxels, none is interpolated that need not be, and the crosshair means the same in all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool3d

from regkit.geometry.affines import homogeneous
from regkit.geometry.grid import Grid
from regkit.report.parts import Section
from regkit.report.slices import Plane
from regkit.resample import warp
from regkit.transforms import Affine
from regkit.volume.volume import Volume

# Bytes of a page, of NiiVue in it, and of all that stands around the sections.
PAGE_LIMIT, _NIIVUE, _AROUND = 10_000_000, 1_200_000, 100_000
_BASE64 = 4 / 3
_MOST, _FEWEST = 900_000, 50_000  # voxels of one volume: 2 mm for a brain
_LEAST_DATA = 0.5
_SLAB = 64  # rows


def has_volume(grid: Grid) -> bool:
    """Tell whether a viewer of three planes has something to show: 3-D, and no single slice."""
    return grid.ndim == 3 and min(grid.shape) > 1


def small_grid(grid: Grid, count: int, beside: Sequence[Section] = ()) -> Grid:
    """Choose the grid of all ``count`` volumes of a page, from that of fixed.

    Its voxels are blocks of those of ``grid``, about as long as wide. There are as many as leave a
    page below ``PAGE_LIMIT`` bytes, even where nothing of the volumes compresses.

    Parameters
    ----------
    grid
        That of fixed, 3-D.
    count
        Of the volumes, as if none compressed.
    beside
        All other sections of the page; pictures of noisy images leave less room.

    Examples
    --------
    >>> small_grid(Grid((160, 192, 224), np.eye(4)), 5)
    Grid(80x96x112, 2x2x2 mm, RAS)
    """
    straight = grid.straightened()
    return _blocks(straight, _factors(straight, count, beside)).reoriented("RAS")


def thinned_grid(grid: Grid, count: int, beside: Sequence[Section] = ()) -> Grid:
    """Choose as :func:`small_grid` does, but single voxels: means would take noise away.

    Parameters
    ----------
    grid
        That of the image, 3-D.
    count
        Of the volumes, as if none compressed.
    beside
        All other sections of the page.

    Examples
    --------
    >>> thinned_grid(Grid((160, 192, 224), np.eye(4)), 3).affine[:, 3]
    array([1., 1., 1., 1.])
    """
    straight = grid.straightened()
    factors = _factors(straight, count, beside)
    first = [factor // 2 for factor in factors]
    shape = [
        math.ceil((n - at) / f) for n, at, f in zip(straight.shape, first, factors, strict=True)
    ]
    affine = straight.affine @ homogeneous(np.diag(factors), np.array(first, dtype=np.float64))
    return straight.placed(shape, affine).reoriented("RAS")


def _factors(grid: Grid, count: int, beside: Sequence[Section]) -> list[int]:
    """How many voxels of ``grid`` become one along each axis, so that the page has room."""
    pictures = sum(len(part) for section in beside for part in section.parts)
    room = (PAGE_LIMIT - _NIIVUE - _AROUND - pictures) / _BASE64 / count
    factors = [1] * grid.ndim
    while math.prod(_blocks(grid, factors).shape) > min(_MOST, max(_FEWEST, room)):
        lengths = np.multiply(factors, grid.spacing)
        factors[int(np.argmin(np.where(np.array(grid.shape) > factors, lengths, np.inf)))] += 1
    return factors


def small_copy(volume: Volume, grid: Grid) -> Volume:
    """Copy the first channel of a volume to ``grid``, in float32; NaN where there is no data."""
    voxels = np.abs(volume.grid.inverse_affine[:3, :3] @ grid.affine[:3, :3]).max(axis=1)
    factors = np.maximum(1, np.floor(voxels + 1e-3)).astype(int).tolist()
    means = _means(volume, factors).reoriented("RAS")
    small = warp(means, Affine.identity(3), onto=grid, outside=math.nan)
    if small.valid is None:
        return small
    return small.with_data(small.data.masked_fill(~small.valid, math.nan))


def focus(grid: Grid, view: Sequence[Plane]) -> tuple[float, float, float]:
    """Find where axial, coronal and sagittal planes meet, as shares of ``grid`` along its axes."""
    along = [
        _index(grid, plane)[axis] for plane, axis in zip(reversed(view), range(3), strict=True)
    ]
    i, j, k = ((at + 0.5) / n for at, n in zip(along, grid.shape, strict=True))
    return i, j, k


def _index(grid: Grid, plane: Plane) -> list[float]:
    found: list[float] = grid.to_index(torch.from_numpy(plane.grid.centre)).tolist()
    return found


def _means(volume: Volume, factors: Sequence[int]) -> Volume:
    """Means over blocks of voxels with data; at least half of a block must have some."""
    data, grid = volume.data[:1], _blocks(volume.grid, factors)
    if volume.valid is None:
        return Volume(_pooled(data, factors), grid, volume.name)
    share = _pooled(volume.valid[None], factors)
    sums = _pooled(torch.where(volume.valid, data, 0), factors)
    return Volume(sums / share.clamp(min=_LEAST_DATA), grid, volume.name, share[0] >= _LEAST_DATA)


def _pooled(data: Tensor, factors: Sequence[int]) -> Tensor:
    """Means ``(1, i, j, k)`` over blocks, made slab by slab: the whole in float32 may be large."""
    i, j, k = factors
    return torch.cat(
        [
            avg_pool3d(rows[None].cpu().float(), (i, j, k), ceil_mode=True, count_include_pad=False)
            for rows in data.split(i * max(1, _SLAB // i), dim=1)
        ],
        dim=2,
    )[0]


def _blocks(grid: Grid, factors: Sequence[int]) -> Grid:
    """Blocks of ``factors`` voxels each; the last along an axis may reach beyond ``grid``."""
    shape = [math.ceil(n / factor) for n, factor in zip(grid.shape, factors, strict=True)]
    whole = [n * factor for n, factor in zip(shape, factors, strict=True)]
    return grid.window([0] * grid.ndim, whole).with_shape(shape)
