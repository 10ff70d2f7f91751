"""Where two aligned images agree, block by block, by a similarity that no engine need have used.

Every block of fixed is compared with warped where it lies, a few voxels beside that, and at remote
places. An aligned block matches better where it lies than at remote places, whatever the contrasts
are; and if it matches better still a little to the side, it lies that far off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.kernels.blocks import block_distances
from regkit.losses.mind import MIND
from regkit.losses.mse import MSE
from regkit.registration.pair import LevelPair, Pair, at_spacing, level
from regkit.volume.once import once

_ACROSS = 48  # voxels along the longest axis, in 3-D
_ACROSS_PLANE = 96
_BLOCK = 6  # voxels
_BESIDE = 3  # voxels, to either side of a block
_REMOTE = 8
_PLACES = 24
_HALF = 0.5  # of a block must count
_MATCHED = 0.1  # share of remote places that may match as well
_ENOUGH = 10  # blocks


@dataclass(frozen=True)
class Agreement:
    """How well blocks of fixed match warped where they lie.

    Parameters
    ----------
    blocks
        How many blocks were compared.
    chance
        Mean share of remote places that match a block as well as its own: 0 where everything is in
        place, 0.5 between images that have nothing to do with each other.
    matched
        Share of the blocks that match better than at nine of ten remote places.
    residual
        Median distance, in voxels, to where blocks would match best.
    known_residual
        The same of those blocks that match where they lie, or of all if hardly any does: where one
        image shows nothing but noise any place is best.
    """

    blocks: int
    chance: float
    matched: float
    residual: float
    known_residual: float


@dataclass(frozen=True)
class Blocks:
    """Blocks of an image, with which others on its grid are compared.

    Parameters
    ----------
    fixed
        The image, ``(C, *spatial)``, with three spatial axes.
    shares
        What each of the ``C`` channels counts, in all 1; see
        :class:`~regkit.registration.pair.Pair`.
    """

    fixed: Tensor
    shares: Sequence[float] = (1.0,)

    def agreement(self, warped: Tensor, weight: Tensor) -> Agreement:
        """Measure how well another image agrees, block by block.

        Parameters
        ----------
        warped
            The other image, ``(C, *spatial)``.
        weight
            How much each voxel counts, ``(*spatial)``; a block is compared where more than half of
            it does.

        Returns
        -------
        Agreement
            Its residuals are in voxels of that grid.
        """
        return self.agreement_and_map(warped, weight)[0]

    def agreement_and_map(self, warped: Tensor, weight: Tensor) -> tuple[Agreement, Tensor]:
        """Measure as :meth:`agreement` does, and map where in the images the blocks agree.

        Parameters
        ----------
        warped
            The other image, ``(C, *spatial)``.
        weight
            How much each voxel counts, ``(*spatial)``.

        Returns
        -------
        agreement, chance
            ``chance (*blocks)`` is the share of remote places that match as well: 0 where a block
            is in place, about 0.5 where it matches no better than by chance, NaN where none was
            compared. :func:`block_grid` tells where the blocks lie.
        """
        shape = tuple(weight.shape)
        costs, counts = self._costs(warped, weight)
        chance = torch.full(counts.shape, float("nan"))
        if not costs.shape[1]:
            return Agreement(0, 0.5, 0.0, math.nan, math.nan), chance
        here, remote = costs[0], costs[1 + len(_beside(shape)) :]
        rank = (remote <= here).float().mean(0)
        matched = rank < _MATCHED
        distance = torch.stack([_best_shift(costs, shape, axis) for axis in range(3)]).norm(dim=0)
        known = distance[matched] if matched.sum() >= _ENOUGH else distance
        chance[counts] = rank.cpu()
        return Agreement(
            blocks=costs.shape[1],
            chance=float(rank.mean()),
            matched=float(matched.float().mean()),
            residual=float(distance.median()),
            known_residual=float(known.median()),
        ), chance

    def _costs(self, warped: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Mean squared difference of descriptors, ``(places, blocks)``: here, beside, remote.

        Also which of the blocks, one for every place that they fit into, count.
        """
        shape = tuple(weight.shape)
        size = [min(_BLOCK, n) for n in shape]
        share = functional.avg_pool3d(weight[None, None], size)[0, 0]
        counts = share > _HALF
        places = ((0, 0, 0), *_beside(shape), *_remote(shape))
        seen = _descriptors(warped, self.shares)
        costs = block_distances(self._descriptors, seen, weight, places, size)
        return costs[:, counts] / share[counts], counts

    @once
    def _descriptors(self) -> Tensor:
        return _descriptors(self.fixed, self.shares)


@dataclass(frozen=True)
class PairBlocks:
    """Blocks of fixed on one grid, and moving through transforms.

    Parameters
    ----------
    at
        The plain intensities of both, counted where fixed has tissue.
    blocks
        Those of fixed.
    """

    at: LevelPair
    blocks: Blocks

    @classmethod
    def on(cls, pair: Pair, grid: Grid) -> PairBlocks:
        """Those of a pair on ``grid``."""
        at = images_on(pair, grid)
        return cls(at, Blocks(at.fixed, pair.shares))

    @classmethod
    def usual(cls, pair: Pair, finer: float = 1.0) -> PairBlocks:
        """Those of a pair in voxels that suit the blocks, kept for the next call.

        ``finer`` asks for voxels that are smaller by this factor.
        """
        across = finer * (_ACROSS_PLANE if pair.planar else _ACROSS)
        extent = np.array(pair.grid.shape) * np.array(pair.grid.spacing)
        grid = at_spacing(pair.grid, float(extent.max()) / across)
        if grid not in pair.kept:
            pair.kept[grid] = cls.on(pair, grid)
        found: PairBlocks = pair.kept[grid]
        return found

    def warped(self, affine: Matrix, u: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Moving through ``affine o (id + u)``, and how much each voxel counts.

        Parameters
        ----------
        affine
            World affine from fixed to moving (4, 4).
        u
            A displacement in voxels of the grid, ``(3, *shape)`` of the same extent; none if None.

        Returns
        -------
        warped, weight
            ``(C, *spatial)`` and ``(*spatial)``, as :class:`Blocks` takes them.
        """
        still = self.at.fixed.new_zeros(3, 1, 1, 1)
        return self.at.warped(self.at.matrix(affine), still if u is None else u)

    def agreement(self, affine: Matrix, u: Tensor | None = None) -> Agreement:
        """How well blocks agree with moving through ``affine o (id + u)``."""
        return self.blocks.agreement(*self.warped(affine, u))


def images_on(pair: Pair, grid: Grid) -> LevelPair:
    """Resample the plain intensities of a pair on ``grid``, counted where fixed has tissue."""
    return level(pair, grid, MSE(), pair.region)


def block_grid(grid: Grid) -> Grid:
    """Return the grid whose voxels are the blocks of ``grid`` in :func:`agreement_and_map`."""
    size = np.array([min(_BLOCK, n) for n in grid.shape])
    inside = np.diag([*size, 1.0])
    inside[:3, 3] = (size - 1) / 2
    return grid.placed(tuple(np.array(grid.shape) // size), grid.affine @ inside)


def _descriptors(image: Tensor, shares: Sequence[float]) -> Tensor:
    """Of all channels, ``(F, *spatial)``; the mean of their squares has every channel's share."""
    if len(shares) == 1:
        return MIND().features(image)
    scales = [(len(shares) * share) ** 0.5 for share in shares]
    return torch.cat(
        [scale * MIND().features(c[None]) for scale, c in zip(scales, image, strict=True)]
    )


@cache
def _beside(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Shifts along each axis that is thick enough."""
    return tuple(
        tuple(sign * step if a == axis else 0 for a in range(3))
        for axis in range(3)
        if shape[axis] > 2 * _BESIDE
        for step in range(1, _BESIDE + 1)
        for sign in (-1, 1)
    )


@cache
def _remote(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Places all around, the same every time; thin axes are kept."""
    generator = torch.Generator().manual_seed(0)
    thick = torch.tensor([float(n > 2 * _REMOTE) for n in shape])
    if not thick.any():
        thick = torch.tensor([float(n == max(shape)) for n in shape])
    ways = torch.randn(_PLACES, 3, generator=generator) * thick
    places = (_REMOTE * ways / ways.norm(dim=1, keepdim=True).clamp(min=1e-6)).round().long()
    return tuple(tuple(place) for place in places.tolist())


def _best_shift(costs: Tensor, shape: tuple[int, ...], axis: int) -> Tensor:
    """Along one axis, where each block matches best: the vertex of a parabola; ``(blocks,)``."""
    beside = _beside(shape)
    steps = {0: 0} | {s[axis]: 1 + k for k, s in enumerate(beside) if s[axis] != 0}
    if len(steps) == 1:
        return costs.new_zeros(costs.shape[1])
    order = sorted(steps)
    along = costs[[steps[step] for step in order]]
    low = along.argmin(0).clamp(1, len(order) - 2)
    left, middle, right = (along.gather(0, (low + k)[None])[0] for k in (-1, 0, 1))
    vertex = (left - right) / (2 * (left - 2 * middle + right)).clamp(min=1e-9)
    return low - _BESIDE + vertex.clamp(-0.5, 0.5)
