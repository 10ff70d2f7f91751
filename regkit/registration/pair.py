"""A prepared pair, and its levels: what the engines work on.

Everything here is 3-D. A 2-D pair is lifted to one slice on the way in, and transforms are
dropped back on the way out, so that the engines need not know.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.kernels.warping import warp_index
from regkit.losses.channels import over_channels
from regkit.losses.similarity import Similarity
from regkit.preprocess.box import working_grid
from regkit.preprocess.channels import averaged, counted
from regkit.preprocess.foreground import foreground, unit_length
from regkit.preprocess.intensity import Modality, normalised
from regkit.preprocess.nodata import filled
from regkit.resample import AnyVolume, resample
from regkit.volume.volume import Labels, Volume

_MARGIN = 8.0  # of :attr:`Pair.unit`
_THIN = 8  # voxels along a thin axis
_FEW = 6  # slices; a field across fewer slides out of the image, where nothing costs
_MUCH_LESS = 0.6
_TOUCHED = 1e-3  # of a voxel: less is the tail of a filter
_CUT = 0.1  # share of the outermost voxels; a neck at the lower border of a head is less


@dataclass(frozen=True)
class Pair:
    """Two images ready to be compared, in canonical orientation and [0, 1].

    ``region`` is where fixed has tissue, or its mask; ``scope`` is where fixed counts for the
    linear engine: the mask, or everything, since the dark surroundings keep an affine from
    growing; but the tissue alone where the field of view cuts through it, since the dark then
    also tells where the scan ended. ``fixed_region`` and ``moving_region`` are the masks that were
    given (None: all of it counts), ``moving_body`` is where moving has tissue; ``grid`` is the
    finest working grid. ``planar`` tells a lifted 2-D pair. ``unit`` is the length in the world of
    the pair that stands for one of the millimetres of a configuration. ``shares`` are what each
    channel of both images counts, in all 1.
    """

    fixed: Volume
    moving: Volume
    region: Labels
    scope: Labels
    fixed_region: Labels | None
    moving_region: Labels | None
    moving_body: Labels
    grid: Grid
    device: torch.device
    planar: bool = False
    unit: float = 1.0
    shares: tuple[float, ...] = (1.0,)

    def compared_by(self, similarity: Similarity) -> Similarity:
        """``similarity``, which knows one channel, for all channels of the pair."""
        return over_channels(similarity, self.shares)


@dataclass(frozen=True)
class LevelPair:
    """One resolution of a pair, as tensors: features ``(C, *shape)``, weights ``(*shape)``.

    ``blank`` is the loss of an image that shows nothing: what lies beyond the overlap costs.
    ``still`` names axes along which no field moves, since fixed has too few slices to tell.
    """

    grid: Grid
    fixed: Tensor
    weight: Tensor
    moving: Tensor
    moving_weight: Tensor | None
    moving_grid: Grid
    blank: float = 0.0
    still: tuple[int, ...] = ()

    def matrix(self, affine: Matrix) -> Matrix:
        """Working index to moving index, for a world ``affine`` from fixed to moving."""
        out: Matrix = self.moving_grid.inverse_affine @ affine @ self.grid.affine
        return out

    def warped(self, m: Matrix, u: Tensor) -> tuple[Tensor, Tensor]:
        """Moving features through ``m (x + u(x))``, and the weight of where both images count."""
        out, weight = warp_index(self.moving, m, u, self.weight)
        if self.moving_weight is not None:
            weight = weight * warp_index(self.moving_weight, m, u, weight)[0][0]
        return out, weight


def prepare(
    fixed: Volume,
    moving: Volume,
    *,
    fixed_mask: Labels | None,
    moving_mask: Labels | None,
    modality: Modality,
    moving_modality: Modality,
    multiple: int,
    max_voxels: int,
    device: torch.device,
    shares: Sequence[float] = (1.0,),
) -> Pair:
    """Orient, normalise and box a pair; see :class:`Pair`.

    ``shares`` are of all channels; those of share 0 are left out. Bodies are found in the mean of
    the channels.
    """
    f = normalised(canonical(counted(fixed, shares)), modality)
    m = normalised(canonical(counted(moving, shares)), moving_modality)
    shares = tuple(share for share in shares if share > 0)
    one, other = averaged(f, shares), averaged(m, shares)
    region = _with_data(foreground(one) if fixed_mask is None else canonical(fixed_mask), f)
    bodies = _with_data(foreground(other) if moving_mask is None else canonical(moving_mask), m)
    whole = fixed_mask is None and not is_cut(region)
    unit = unit_length(one)
    grid = working_grid(
        region, m.grid, margin=_MARGIN * unit, multiple=multiple, max_voxels=max_voxels
    )
    return Pair(
        fixed=f,
        moving=m,
        region=region,
        scope=_with_data(_everything(f), f) if whole else region,
        fixed_region=_counted(fixed_mask, f),
        moving_region=_counted(moving_mask, m),
        moving_body=bodies,
        grid=grid,
        device=device,
        planar=fixed.ndim == 2,
        unit=unit,
        shares=shares,
    )


def _counted(mask: Labels | None, image: Volume) -> Labels | None:
    """Where an image counts by its mask and by where it has data; None if that is everywhere."""
    if mask is None and image.valid is None:
        return None
    return _with_data(_everything(image) if mask is None else canonical(mask), image)


def _with_data(mask: Labels, image: Volume) -> Labels:
    """``mask`` where ``image``, on the same grid, has data.

    Raises
    ------
    InputError
        If that is nowhere.
    """
    if image.valid is None:
        return mask
    inside = mask.data * image.valid
    if not bool(inside.any()):
        raise InputError(
            f"{image.name or 'image'}: has no data where its mask or its foreground is; give "
            "another mask, or another value of padding"
        )
    return mask.with_data(inside)


def is_cut(body: Labels) -> bool:
    """Whether a body goes on beyond its image: it fills a tenth of the outermost voxels."""
    mask = body.data[0] > 0
    axes = [axis for axis, n in enumerate(mask.shape) if n > 1]
    faces = [mask.select(axis, end).flatten() for axis in axes for end in (0, -1)]
    return bool(faces) and float(torch.cat(faces).float().mean()) >= _CUT


def _everything(image: Volume) -> Labels:
    return Labels(torch.ones(1, *image.grid.shape, dtype=torch.uint8), image.grid)


def canonical(volume: AnyVolume) -> AnyVolume:
    """Axes along R, A, S; a 2-D volume becomes one slice of 3-D."""
    turned = volume.reoriented("RAS"[: volume.ndim])
    turned = replace(turned, grid=_rounded(turned.grid))
    return turned if turned.ndim == 3 else lifted(turned)


def _rounded(grid: Grid) -> Grid:
    """Without the last bits, which tell in which order the voxels were stored.

    Optimisers would make hundredths of voxels of them, and as many different results.
    """
    quantum = min(grid.spacing) * 2.0**-30  # a share of a voxel, whatever the unit of the world
    affine = np.rint(grid.affine / quantum) * quantum
    affine[-1] = grid.affine[-1]
    return grid.placed(grid.shape, affine)


def lifted(volume: AnyVolume) -> AnyVolume:
    """A 2-D volume as a 3-D one whose first axis is a single slice along the third world axis."""
    flat = volume.grid.affine
    whole = np.zeros((4, 4))
    whole[:2, 1:3] = flat[:2, :2]
    whole[:2, 3] = flat[:2, 2]
    whole[2, 0] = whole[3, 3] = 1
    grid = volume.grid.placed((1, *volume.grid.shape), whole)
    valid = None if volume.valid is None else volume.valid[None]
    return replace(volume, data=volume.data[:, None], grid=grid, valid=valid)


def level(
    pair: Pair,
    grid: Grid,
    similarity: Similarity,
    region: Labels,
    affine: Matrix | None = None,
) -> LevelPair:
    """The pair on a working ``grid``, counted inside ``region``.

    Features that know directions are only comparable along the same axes at the same spacing:
    for those, moving is first resampled along the working axes as the world ``affine`` (fixed to
    moving) turns them.
    """
    if similarity.oriented:
        moving_grid = _followed(grid, np.eye(4) if affine is None else affine)
    else:
        moving_grid = at_spacing(pair.moving.grid, float(np.median(grid.spacing)))
    fixed = filled(resample(pair.fixed, grid))
    moving = filled(resample(pair.moving, moving_grid))
    weight = resample(region, grid).data[0] > 0 if pair.fixed_region is None else None
    known = pair.moving_region
    if known is None and similarity.oriented:
        known = _everything(pair.moving)
    return LevelPair(
        grid=grid,
        fixed=similarity.features(fixed.data).contiguous().to(pair.device),
        weight=(_coverage(region, grid)[0] if weight is None else weight.float()).to(pair.device),
        moving=similarity.features(moving.data).contiguous().to(pair.device),
        moving_weight=None if known is None else _coverage(known, moving_grid).to(pair.device),
        moving_grid=moving_grid,
        still=tuple(axis for axis, n in enumerate(pair.fixed.grid.shape) if n < _FEW),
    )


def _coverage(mask: Labels, grid: Grid) -> Tensor:
    """How much of each voxel of ``grid`` a mask covers: one that is thin does not get lost."""
    share = resample(Volume((mask.data > 0).float(), mask.grid), grid).data
    return torch.where(share > _TOUCHED, share, 0.0)


def _followed(grid: Grid, affine: Matrix) -> Grid:
    """``grid`` as ``affine`` carries it, with a tenth more room on every side to move in."""
    room = [math.ceil(n / 10) if n > 1 else 0 for n in grid.shape]
    wide = grid.window(
        [-r for r in room], [n + 2 * r for n, r in zip(grid.shape, room, strict=True)]
    )
    return wide.placed(wide.shape, affine @ wide.affine)


def bordered(at: LevelPair) -> LevelPair:
    """``at`` with moving's weight falling to nothing within two voxels beyond its image.

    So that overlap changes smoothly with a motion, and two images of one field of view overlap
    altogether. An axis of one slice goes on for ever.
    """
    thick = [int(n > 1) for n in at.moving_grid.shape]
    inside = at.moving_weight
    if inside is None:
        inside = at.moving.new_ones(1, *at.moving_grid.shape)
    rim = [r for r in reversed(thick) for _ in range(2)]
    shape = [n + 4 * r for n, r in zip(at.moving_grid.shape, thick, strict=True)]
    wide = functional.pad(at.moving[None], [2 * r for r in rim], mode="replicate")[0]
    return replace(
        at,
        moving=wide.contiguous(),
        moving_weight=functional.pad(
            functional.pad(inside[None], rim, mode="replicate")[0], rim
        ).contiguous(),
        moving_grid=at.moving_grid.window([-2 * r for r in thick], shape),
    )


def swapped(pair: Pair) -> Pair:
    """``pair`` with the roles of its images exchanged, for the linear engine."""
    region = pair.moving_body
    # Where a mask was given, body and region are one.
    known = pair.moving_region or _everything(pair.moving)
    grid = working_grid(
        region, pair.fixed.grid, margin=_MARGIN * pair.unit, multiple=1, max_voxels=16_000_000
    )
    return replace(
        pair,
        fixed=pair.moving,
        moving=pair.fixed,
        region=region,
        scope=region if is_cut(region) else known,
        fixed_region=pair.moving_region,
        moving_region=pair.fixed_region,
        moving_body=pair.region,
        grid=grid,
    )


def smaller_first(pair: Pair) -> tuple[Pair, bool]:
    """``pair``, or its images exchanged where moving counts in much less of the world.

    The linear engine looks at every voxel of the first image: a slab knows of every voxel where
    it would lie in a whole body, most of the body nothing of the slab.

    Returns
    -------
    pair, exchanged
        What to align, and whether its transform is the inverse of the one that was asked for.
    """
    other = swapped(pair)
    exchanged = extent_of(other.scope) < _MUCH_LESS * extent_of(pair.scope)
    return (other, True) if exchanged else (pair, False)


def is_thin(pair: Pair) -> bool:
    """Whether fixed has few slices along one of three axes."""
    return not pair.planar and min(pair.fixed.grid.shape) < _FEW


def inverse_if(exchanged: bool, matrix: Matrix) -> Matrix:
    """The affine of a pair, from that of its images exchanged or not, and back."""
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64) if exchanged else matrix


def extent_of(labels: Labels) -> float:
    """Volume of where ``labels`` are above 0, in world units cubed."""
    return float((labels.data[0] > 0).float().sum()) * labels.grid.voxel_volume


def coarser(grid: Grid, factor: float) -> Grid:
    """The field of view of ``grid`` in voxels ``factor`` times as large, where it has several."""
    return grid.with_spacing(
        [factor * s if n > 1 else s for s, n in zip(grid.spacing, grid.shape, strict=True)]
    )


def at_spacing(grid: Grid, spacing: float) -> Grid:
    """``grid`` itself, or its field of view in larger voxels where ``spacing`` asks for them.

    A thin axis keeps eight voxels, if it has as many.
    """
    axes = zip(grid.spacing, grid.shape, strict=True)
    wanted = [max(s, min(spacing, n * s / _THIN)) if n > 1 else s for s, n in axes]
    if all(w < 1.02 * s for w, s in zip(wanted, grid.spacing, strict=True)):
        return grid
    return grid.with_spacing(wanted)
