"""One body, seen twice: by fixed as it lies, by moving after it moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

import regkit as rk
from benchmarks.data import background, points_in
from benchmarks.hard_pairs.pair import HardPair, Kind
from regkit import DisplacementField, Grid, Labels, Volume
from regkit.geometry.affines import Matrix, about, homogeneous, rotation
from regkit.resample import resample
from regkit.transforms import Transform

_TILT = 8.0  # degrees between the grids of the two scans
_NOISE = 0.02  # of the range


def motion(seed: int, degrees: float, shift: float, grid: Grid) -> Matrix:
    """A turn of ``degrees`` about the centre of ``grid``, then ``shift`` mm; random directions."""
    rng = np.random.default_rng(seed)
    turn = about(grid.centre, rotation((np.deg2rad(degrees) * direction(rng)).tolist()))
    moved: Matrix = homogeneous(np.eye(3), shift * direction(rng)) @ turn
    return moved


def direction(rng: np.random.Generator) -> Matrix:
    """A random direction in space, of length 1."""
    axis = rng.normal(size=3)
    unit: Matrix = axis / np.linalg.norm(axis)
    return unit


def tilted(grid: Grid, seed: int, degrees: float = _TILT) -> Grid:
    """``grid`` turned about its centre: as a scan whose box was not laid along the first one's."""
    return Grid(grid.shape, motion(seed + 1000, degrees, 0.0, grid) @ grid.affine)


def slab(grid: Grid, axis: int, count: int, at: float = 0.5) -> Grid:
    """``count`` slices across ``axis``, the share ``at`` of the way along it."""
    start, shape = [0, 0, 0], list(grid.shape)
    start[axis] = round(at * (shape[axis] - count))
    shape[axis] = count
    return grid.window(start, shape)


def spaced(grid: Grid, axis: int, spacing: float) -> Grid:
    """``grid`` with voxels of ``spacing`` mm along ``axis``."""
    lengths = list(grid.spacing)
    lengths[axis] = spacing
    return grid.with_spacing(lengths)


def noisy(volume: Volume, seed: int, share: float = _NOISE) -> Volume:
    """``volume`` with Rician noise of ``share`` of its 99th percentile."""
    sigma = share * float(np.percentile(volume.data.numpy(), 99))
    real, imaginary = np.random.default_rng(seed).normal(0, sigma, (2, *volume.data.shape))
    values = np.hypot(volume.data.numpy() + real, imaginary)
    return volume.with_data(torch.from_numpy(values.astype(np.float32)))


def bend(grid: Grid, peak: float, seed: int, sigma: float = 20.0) -> DisplacementField:
    """A random displacement of at most ``peak`` mm, smooth over ``sigma`` mm."""
    coarse = grid.with_spacing(4.0)
    noise = np.random.default_rng(seed).normal(size=(3, *coarse.shape))
    width = [0.0, *(sigma / np.array(coarse.spacing))]
    u = ndimage.gaussian_filter(noise, width, mode="reflect")
    u *= peak / np.linalg.norm(u, axis=0).max()
    return DisplacementField(torch.from_numpy(u.astype(np.float32)), coarse)


def common(body: Labels, truth: Transform, moving: Grid, count: int = 4000) -> Tensor:
    """World points of ``body`` that ``truth`` takes into the field of view of ``moving``."""
    points = points_in(body, 16 * count)
    index = moving.to_index(truth(points))
    top = torch.tensor(moving.shape, dtype=index.dtype) - 0.5
    seen = points[((index > -0.5) & (index < top)).all(-1)]
    return seen[:: max(1, len(seen) // count)]


@dataclass(frozen=True)
class Scene:
    """One body and the two scans of it.

    Parameters
    ----------
    source, other
        What fixed and moving are scans of, in one world: two contrasts, or one image twice.
    body
        Where errors count.
    move
        The motion between the scans, world to world.
    fixed_grid, moving_grid
        The fields of view, both in the world of ``source``.
    seed
        Of the noise.
    back
        How the body is bent in moving besides: points there to points of ``other``.
    """

    source: Volume
    other: Volume
    body: Labels
    move: Matrix
    fixed_grid: Grid
    moving_grid: Grid
    seed: int
    back: DisplacementField | None = None

    @classmethod
    def of(cls, source: Volume, body: Labels, seed: int, degrees: float, shift: float) -> Scene:
        """The whole of one image twice, moved, on a tilted grid."""
        grid, move = source.grid, motion(seed, degrees, shift, source.grid)
        return cls(source, source, body, move, grid, tilted(grid, seed), seed)

    @property
    def truth(self) -> Transform:
        """World points of fixed to world points of moving."""
        if self.back is None:
            return rk.Affine(self.move)
        return rk.compose(rk.Affine(self.move), self.back.inverse())

    @property
    def fixed(self) -> Volume:
        """The first scan."""
        return noisy(self.first, self.seed)

    @property
    def moving(self) -> Volume:
        """The second scan, its header moved."""
        second = noisy(self.second, self.seed + 1)
        return Volume(second.data, self.moved_grid)

    @property
    def first(self) -> Volume:
        """The first scan before noise."""
        return resample(self.source, self.fixed_grid, outside=background(self.source))

    @property
    def second(self) -> Volume:
        """The second scan before noise, where the body lay in the first."""
        if self.back is not None:
            return rk.warp(self.other, self.back, onto=self.moving_grid)
        return resample(self.other, self.moving_grid, outside=background(self.other))

    @property
    def moved_grid(self) -> Grid:
        """``moving_grid`` after the motion."""
        return Grid(self.moving_grid.shape, self.move @ self.moving_grid.affine)

    def pair(self, name: str, transform: Kind = "rigid", **more: Any) -> HardPair:
        """The pair; ``more`` are its further fields, or other images than these."""
        truth = self.truth
        inside = resample(self.body, self.fixed_grid)
        found: dict[str, Any] = {
            "truth": truth,
            "points": common(inside, truth, self.moved_grid),
            "transform": transform,
        }
        images = {"fixed": self.fixed, "moving": self.moving}
        return HardPair(name, **{**images, **found, **more})
