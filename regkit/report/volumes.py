"""The volumes of a viewer: small copies on one grid, in the few bytes that a page has room for.

They are means over whole blocks of voxels of fixed, stored as RAS, so that every volume of a page
has the same voxels, none is interpolated that need not be, and the crosshair means the same in all.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool3d

from regkit.geometry.affines import homogeneous
from regkit.geometry.grid import Grid
from regkit.io.formats.nifti.packed import packed_nifti
from regkit.report.display import Range
from regkit.report.parts import Section
from regkit.report.slices import Plane
from regkit.resample import warp
from regkit.transforms import Affine
from regkit.volume.volume import Labels, Volume

# Bytes of a page, of NiiVue in it, and of all that stands around the sections.
PAGE_LIMIT, _NIIVUE, _AROUND = 10_000_000, 1_200_000, 100_000
_BASE64 = 4 / 3
_MOST, _FEWEST = 900_000, 50_000  # voxels of one volume: 2 mm for a brain
_MOST_FRAMES = 12
_MOST_STRUCTURES = 2**16 - 1
_LEAST_DATA = 0.5
_SLAB = 64  # rows
_STEPS = 254  # between the codes 1 and 255; 0 is where there is no data


@dataclass(frozen=True)
class Layer:
    """One volume of a viewer.

    Parameters
    ----------
    name
        What a person chooses it by.
    kind
        ``image`` is drawn in grey, ``signed`` from blue over white to red, and ``labels`` in a
        colour for each structure.
    nifti
        A ``.nii.gz``, see :func:`regkit.io.formats.nifti.packed.packed_nifti`.
    limits
        The values of the codes 0 and 255 of what is no label map.
    structures
        What the codes 1, 2, 3 ... of labels are called; empty where they have no names.
    """

    name: str
    kind: Literal["image", "signed", "labels"]
    nifti: bytes
    limits: Range = (0.0, 1.0)
    structures: tuple[str, ...] = ()

    @property
    def base64(self) -> str:
        """The file as text."""
        return b64encode(self.nifti).decode()


def has_volume(grid: Grid) -> bool:
    """Tell whether a viewer of three planes has something to show: 3-D, and no single slice."""
    return grid.ndim == 3 and min(grid.shape) > 1


def shown_frames(count: int) -> list[int]:
    """Choose the frames of a series that a page shows, the first and the last among them.

    Examples
    --------
    >>> shown_frames(3), shown_frames(100)
    ([0, 1, 2], [0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99])
    """
    most = min(count, _MOST_FRAMES)
    return [round(n * (count - 1) / max(1, most - 1)) for n in range(most)]


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


def image_layer(name: str, image: Volume, grid: Grid, limits: Range) -> Layer:
    """Make a layer of the first channel of an image, which must lie in the world of ``grid``.

    Parameters
    ----------
    name
        What it is called.
    image
        On any grid; beyond it there is no data.
    grid
        See :func:`small_grid`.
    limits
        The values shown black and white. What lies beyond them is shown, and read, as one of them.
    """
    return _shaded(name, "image", small_copy(image, grid).data[0], grid, limits)


def signed_layer(name: str, values: Tensor, grid: Grid, limit: float) -> Layer:
    """Make a layer of values of either sign; white is 0.

    Parameters
    ----------
    name
        What it is called.
    values
        ``(i, j, k)``, or ``(i, j, k, t)`` of a series; NaN where there is no data.
    grid
        Where they lie; see :func:`small_grid`.
    limit
        The value of the darkest red, and its negative that of the darkest blue.
    """
    return _shaded(name, "signed", values, grid, (-limit, limit))


def series_layer(name: str, values: Tensor, grid: Grid, limits: Range) -> Layer:
    """Make a layer of the frames of a series.

    Parameters
    ----------
    name
        What it is called.
    values
        ``(i, j, k, t)``, NaN where there is no data.
    grid
        Where each frame lies; see :func:`thinned_grid`.
    limits
        The values shown black and white, in every frame.
    """
    return _shaded(name, "image", values, grid, limits)


def label_layers(maps: Mapping[str, Labels], grid: Grid) -> list[Layer]:
    """Make layers of label maps by their names, in which one structure has one colour.

    Structures are numbered anew: viewers draw large numbers wrong, and 64-bit ones not at all.
    There are none where the maps have more structures than 16 bits count.
    """
    small = {
        name: warp(each.without_unknown(), Affine.identity(3), onto=grid).data[0].cpu().long()
        for name, each in maps.items()
    }
    found = [torch.unique(each) for each in small.values()]
    known = torch.unique(torch.cat([torch.zeros(1, dtype=torch.long), *found]))
    names = tuple(map(str, known[known != 0].tolist()))
    if len(names) > _MOST_STRUCTURES:
        return []
    codes = torch.zeros(len(known), dtype=torch.long)
    codes[known != 0] = torch.arange(1, len(names) + 1)
    return [
        coded_layer(name, codes[torch.searchsorted(known, each)], grid, names)
        for name, each in small.items()
    ]


def coded_layer(name: str, codes: Tensor, grid: Grid, structures: tuple[str, ...] = ()) -> Layer:
    """Make a layer of labels from codes.

    Parameters
    ----------
    name
        What it is called.
    codes
        Whole numbers ``(i, j, k)``: 0, and the structures from 1.
    grid
        Where they lie; see :func:`small_grid`.
    structures
        What the codes from 1 are called; without names the viewer tells none.
    """
    kept = torch.uint8 if int(codes.max()) < 256 else torch.uint16
    nifti = packed_nifti(codes.to(kept), grid, labels=True)
    return Layer(name, "labels", nifti, structures=structures)


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


def _shaded(
    name: str, kind: Literal["image", "signed"], values: Tensor, grid: Grid, limits: Range
) -> Layer:
    low, high = limits
    slope = (high - low) / _STEPS
    codes = ((values - low) / slope + 1).round().clamp(1, _STEPS + 1)
    stored = torch.where(codes.isnan(), 0, codes).to(torch.uint8)
    return Layer(
        name, kind, packed_nifti(stored, grid, scale=(slope, low - slope)), (low - slope, high)
    )


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
