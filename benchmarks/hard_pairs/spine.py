"""A column of vertebrae that are nearly alike: one off is the failure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

import regkit as rk
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.hard_pairs.scenes import common, motion, noisy, slab, tilted
from regkit import Grid, Labels, Volume
from regkit.geometry.affines import Matrix, homogeneous

PITCH = 32.0  # mm from one vertebra to the next
_LEVELS = 9
_SHAPE, _SPACING = (76, 84, 150), 2.0


@dataclass(frozen=True)
class Tissues:
    """How bright a scan shows air, soft tissue, discs, bone and ribs."""

    air: float
    soft: float
    disc: float
    bone: float
    rib: float


T1 = Tissues(0.0, 60.0, 40.0, 110.0, 95.0)
T2 = Tissues(0.0, 50.0, 130.0, 80.0, 20.0)
CT = Tissues(-1000.0, 40.0, 80.0, 350.0, 500.0)
# Scans of fixed and moving, vertebrae moved along the column, degrees, share that moving shows.
_CASES = (
    (T1, T1, 0.4, 3.0, 1.0),
    (T1, T1, 0.7, 4.0, 1.0),
    (T1, T2, 1.0, 3.0, 1.0),
    (T2, T2, 1.0, 4.0, 0.65),
    (CT, CT, 1.5, 5.0, 1.0),
    (T1, T1, 0.6, 3.0, 0.5),
    (T2, T1, 0.5, 4.0, 0.65),
)


def spine() -> Iterator[HardPair]:
    """Vertebrae, discs and ribs; moved along the column by half a vertebra to one and a half."""
    grid = _grid()
    for seed, (first, second, levels, degrees, share) in enumerate(_CASES, 900):
        along = homogeneous(np.eye(3), [3.0, -4.0, levels * PITCH])
        move = along @ motion(seed, degrees, 0.0, grid)
        part = tilted(slab(grid, 2, round(share * grid.shape[2]), 0.4), seed, 4.0)
        fixed = _scan(column(grid, first), seed)
        shown = _scan(column(part, second), seed + 50)
        moving = Volume(shown.data, Grid(part.shape, move @ part.affine))
        truth = rk.Affine(move)
        points = common(_vertebrae(grid), truth, moving.grid)
        title = f"{levels:g} vertebrae, {degrees:g}°, {share:.0%} of it, {_contrast(first, second)}"
        yield HardPair(title, fixed, moving, truth, points, across=first is not second)


def column(grid: Grid, tissues: Tissues) -> Volume:
    """The spine on any grid: a formula of the world."""
    x, y, z = grid.world_points().unbind(-1)
    y = y - 8 * torch.sin(z / 110)  # a curve, as spines have it
    level = (z / PITCH).round().clamp(-4, 4)
    size = 1 - 0.025 * level  # lower ones are larger
    data = torch.full(grid.shape, tissues.soft, dtype=torch.float64)
    data = _put(data, tissues.disc, _inside(x / 19, (y - 2) / 15, z / 190))
    bone = _inside(x / (21 * size), (y - 2) / (16 * size), (z - level * PITCH) / 12.5, power=4)
    data = _put(data, tissues.bone, bone)
    spike = _inside(x / 4, (y + 28) / (11 * size), (z - level * PITCH + 4) / 6)
    data = _put(data, tissues.bone, spike)
    data = _put(data, tissues.rib, _ribs(x, y, z, level))
    body = _inside(x / 68, y / 74, z / 1e4)
    return Volume((tissues.air + (data - tissues.air) * body).float(), grid, "spine")


def _ribs(x: Tensor, y: Tensor, z: Tensor, level: Tensor) -> Tensor:
    """Bars to both sides of the upper vertebrae, shorter from one to the next below."""
    length = (22 + 8 * level).clamp(min=0)
    reach = (x.abs() - 18 - length / 2) / (length / 2 + 1)
    bar = _inside(reach, (y + 12 + 0.15 * x.abs()) / 5, (z - level * PITCH + 0.2 * x.abs()) / 5)
    return bar * (level > -2)


def _vertebrae(grid: Grid) -> Labels:
    bare = Tissues(0.0, 0.0, 0.0, 1.0, 0.0)
    return Labels((column(grid, bare).data > 0.5).to(torch.uint8), grid)


def _inside(x: Tensor, y: Tensor, z: Tensor, power: float = 2.0) -> Tensor:
    """1 inside a (super-)ellipsoid of radius 1, 0 outside, soft at the edge."""
    radius = (x.abs() ** power + y.abs() ** power + z.abs() ** power) ** (1 / power)
    return torch.sigmoid((1 - radius) / 0.04)


def _put(data: Tensor, value: float, inside: Tensor) -> Tensor:
    return data + (value - data) * inside


def _scan(image: Volume, seed: int) -> Volume:
    """Noise: Rician where air is 0, Gaussian in CT."""
    if float(image.data.min()) >= 0:
        return noisy(image, seed, 0.03)
    draw = np.random.default_rng(seed).normal(0, 25, image.data.shape).astype(np.float32)
    return image.with_data(image.data + torch.from_numpy(draw))


def _grid() -> Grid:
    shape = np.array(_SHAPE)
    affine: Matrix = homogeneous(np.eye(3) * _SPACING, -_SPACING * (shape - 1) / 2)
    return Grid(_SHAPE, affine)


def _contrast(first: Tissues, second: Tissues) -> str:
    names = {id(T1): "T1", id(T2): "T2", id(CT): "CT"}
    return f"{names[id(second)]} to {names[id(first)]}"
