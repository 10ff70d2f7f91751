"""A prepared pair, and its levels: what the engines work on.

Everything here is 3-D. A 2-D pair is lifted to one slice on the way in, and transforms are
dropped back on the way out, so that the engines need not know.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.kernels.warping import warp_index
from regkit.losses.channels import over_channels
from regkit.losses.similarity import Similarity
from regkit.preprocess.box import working_grid
from regkit.preprocess.nodata import fill_nodata
from regkit.registration.prepared import PreparedImage, everything, is_truncated
from regkit.registration.pyramid import Pyramid
from regkit.resample import resample
from regkit.volume.once import once
from regkit.volume.volume import Labels, Volume

_MARGIN = 8.0  # of :attr:`Pair.unit`
_THIN = 8  # voxels along a thin axis
_FEW = 6  # slices; a field across fewer slides out of the image, where nothing costs
_MUCH_LESS = 0.6
_TOUCHED = 1e-3  # of a voxel: less is the tail of a filter


@dataclass(frozen=True)
class Pair:
    """Two images ready to be compared, in canonical orientation and [0, 1].

    ``region`` is where fixed has tissue, or its mask; ``scope`` is where fixed counts for the
    linear engine: the mask, or everything, since the dark surroundings keep an affine from
    growing; but the tissue alone where the field of view cuts through it, since the dark then
    also tells where the scan ended. ``fixed_region`` and ``moving_region`` are the masks that were
    given, or of what was cut out (None: all of it counts), ``moving_body`` is where moving has
    tissue; ``grid`` is the finest working grid. ``planar`` tells a lifted 2-D pair. ``unit`` is the
    length in the world of the pair that stands for one of the millimetres of a configuration.
    ``fixed_levels`` and ``moving_levels`` keep the images at the resolutions of the levels.
    ``shares`` are what each channel of both images counts, in all 1.
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
    fixed_levels: Pyramid = field(default_factory=Pyramid)
    moving_levels: Pyramid = field(default_factory=Pyramid)
    shares: tuple[float, ...] = (1.0,)

    @once
    def kept(self) -> dict[Grid, Any]:
        """What was compared on a grid, and will be again."""
        return {}

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
        out, weight = warp_index(self.seen, m, u, self.weight)
        if self.moving_weight is None:
            return out, weight
        return out[:-1], weight * out[-1]

    @once
    def total(self) -> float:
        """The sum of fixed's weight."""
        return max(float(self.weight.sum()), 1e-6)

    @once
    def seen(self) -> Tensor:
        """Moving's features, and behind them its weight where it has one."""
        if self.moving_weight is None:
            return self.moving
        return torch.cat([self.moving, self.moving_weight])


def pair_of(
    fixed: PreparedImage,
    moving: PreparedImage,
    *,
    multiple: int,
    max_voxels: int,
    device: torch.device,
    shares: Sequence[float] = (1.0,),
) -> Pair:
    """Put two prepared images together as a pair, in the box around fixed; see :class:`Pair`.

    Parameters
    ----------
    fixed, moving
        The prepared images, with as many channels as there are ``shares``.
    multiple
        The shape of the working grid is divisible by this, so that coarse levels nest.
    max_voxels
        The most that the working grid may have; its voxels are larger where it would have more.
    device
        Where the tensors of the levels go.
    shares
        What each channel counts, in all 1; channels of share 0 are left out.
    """
    fixed, moving = (each.counting(tuple(shares)) for each in (fixed, moving))
    grid = working_grid(
        fixed.body,
        moving.normal.grid,
        margin=_MARGIN * fixed.unit,
        multiple=multiple,
        max_voxels=max_voxels,
    )
    return Pair(
        fixed=fixed.normal,
        moving=moving.normal,
        region=fixed.body,
        scope=fixed.scope,
        fixed_region=fixed.counted,
        moving_region=moving.counted,
        moving_body=moving.body,
        grid=grid,
        device=device,
        planar=fixed.image.ndim == 2,
        unit=fixed.unit,
        fixed_levels=fixed.levels,
        moving_levels=moving.levels,
        shares=fixed.positive_shares,
    )


def level(
    pair: Pair,
    grid: Grid,
    similarity: Similarity,
    region: Labels,
    affine: Matrix | None = None,
) -> LevelPair:
    """Prepare one resolution of a pair: its features and weights on a working grid.

    Features that know directions are only comparable along the same axes at the same spacing:
    for those, moving is first resampled along the working axes as ``affine`` turns them.

    Parameters
    ----------
    pair
        The images.
    grid
        The working grid of this level.
    similarity
        Says which features are compared.
    region
        Where fixed counts: labels above 0.
    affine
        World affine from fixed to moving (4, 4); the identity if None.
    """
    if similarity.oriented:
        moving_grid = _followed(grid, np.eye(4) if affine is None else affine)
        moving = fill_nodata(resample(pair.moving, moving_grid)).data  # of this pair alone
    else:
        moving_grid = at_spacing(pair.moving.grid, float(np.median(grid.spacing)))
        moving = pair.moving_levels.on(pair.moving, moving_grid)
    fixed = pair.fixed_levels.on(pair.fixed, grid)
    weight = resample(region, grid).data[0] > 0 if pair.fixed_region is None else None
    known = pair.moving_region
    if known is None and similarity.oriented:
        known = everything(pair.moving)
    return LevelPair(
        grid=grid,
        fixed=similarity.features(fixed).contiguous().to(pair.device),
        weight=(_coverage(region, grid)[0] if weight is None else weight.float()).to(pair.device),
        moving=similarity.features(moving).contiguous().to(pair.device),
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


def with_soft_border(at: LevelPair) -> LevelPair:
    """Let moving's weight fall to zero within two voxels beyond its image.

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


def swap_images(pair: Pair) -> Pair:
    """Exchange the images of a pair, for the linear engine."""
    region = pair.moving_body
    # Where a mask was given, body and region are one.
    known = pair.moving_region or everything(pair.moving)
    grid = working_grid(
        region, pair.fixed.grid, margin=_MARGIN * pair.unit, multiple=1, max_voxels=16_000_000
    )
    return replace(
        pair,
        fixed=pair.moving,
        moving=pair.fixed,
        region=region,
        scope=region if is_truncated(region) else known,
        fixed_region=pair.moving_region,
        moving_region=pair.fixed_region,
        moving_body=pair.region,
        grid=grid,
        fixed_levels=pair.moving_levels,
        moving_levels=pair.fixed_levels,
    )


def smaller_first(pair: Pair) -> tuple[Pair, bool]:
    """Exchange the images of a pair where moving counts in much less of the world than fixed.

    The linear engine looks at every voxel of the first image: a slab knows of every voxel where
    it would lie in a whole body, most of the body nothing of the slab.

    Returns
    -------
    pair, exchanged
        What to align, and whether its transform is the inverse of the one that was asked for.
    """
    other = swap_images(pair)
    exchanged = extent_of(other.scope) < _MUCH_LESS * extent_of(pair.scope)
    return (other, True) if exchanged else (pair, False)


def is_thin(pair: Pair) -> bool:
    """Tell whether fixed has few slices along one of three axes."""
    return not pair.planar and min(pair.fixed.grid.shape) < _FEW


def inverse_if(exchanged: bool, matrix: Matrix) -> Matrix:
    """Invert an affine ``(4, 4)`` if the images of its pair are exchanged, else return it as it is.

    Parameters
    ----------
    exchanged
        Whether they are; the same call leads there and back.
    matrix
        World affine of the pair as it was given, or as its images are exchanged.
    """
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64) if exchanged else matrix


def extent_of(labels: Labels) -> float:
    """Return the volume of where ``labels`` are above 0, in world units cubed."""
    return int(np.count_nonzero(labels.data[0].numpy() > 0)) * labels.grid.voxel_volume


def coarser(grid: Grid, factor: float) -> Grid:
    """Make the voxels of ``grid`` larger by ``factor`` along the axes on which it has several."""
    return grid.with_spacing(
        [factor * s if n > 1 else s for s, n in zip(grid.spacing, grid.shape, strict=True)]
    )


def at_spacing(grid: Grid, spacing: float) -> Grid:
    """Return ``grid``, in larger voxels of the same field of view where ``spacing`` asks for them.

    A thin axis keeps eight voxels, if it has as many.
    """
    axes = zip(grid.spacing, grid.shape, strict=True)
    wanted = [max(s, min(spacing, n * s / _THIN)) if n > 1 else s for s, n in axes]
    if all(w < 1.02 * s for w, s in zip(wanted, grid.spacing, strict=True)):
        return grid
    return grid.with_spacing(wanted)
