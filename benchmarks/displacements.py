"""Known displacements, applied to real images: the truth that an engine must find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from regkit import DisplacementField, Grid, Labels, Volume
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.metrics.region import region
from regkit.resample import resample

Matrix = NDArray[np.float64]
OBLIQUE_SPACING = (1.2, 1.0, 1.5)


@dataclass(frozen=True)
class Bounds:
    """How far a random affine goes: degrees, millimetres (from, to), and share of scaling."""

    degrees: float = 30.0
    shift: tuple[float, float] = (0.0, 30.0)
    scale: float = 0.1


def random_affine(rng: np.random.Generator, centre: Matrix, bounds: Bounds) -> Matrix:
    """A turn about ``centre`` round a random axis, scaled along the axes, then moved."""
    turn = rotation((np.deg2rad(rng.uniform(0, bounds.degrees)) * _direction(rng)).tolist())
    scale = np.diag(1 + rng.uniform(-bounds.scale, bounds.scale, 3))
    shift = rng.uniform(*bounds.shift) * _direction(rng)
    moved: Matrix = homogeneous(np.eye(3), shift) @ about(centre, turn @ scale)
    return moved


def oblique_grid(grid: Grid, rng: np.random.Generator) -> Grid:
    """A turned, anisotropic grid over the field of view of ``grid``."""
    spacing = np.array(OBLIQUE_SPACING)
    turn = rotation((np.deg2rad(rng.uniform(5, 20)) * _direction(rng)).tolist())
    step = turn @ np.diag(spacing)
    world = np.ptp(grid.corners(), axis=0)
    shape = np.ceil(world / spacing).astype(int)
    start = grid.centre - step @ ((shape - 1) / 2)
    return Grid(tuple(int(n) for n in shape), homogeneous(step, start))


def displaced(volume: Volume, affine: Matrix, rng: np.random.Generator) -> Volume:
    """``volume`` on an oblique, anisotropic grid, its header moved by ``affine``.

    The transform that registering it to ``volume`` must find is ``affine`` itself.
    """
    grid = oblique_grid(volume.grid, rng)
    outside = float(volume.data.flatten()[0])
    image = resample(volume, grid, outside=outside)
    return Volume(image.data, Grid(grid.shape, affine @ grid.affine), volume.name)


def smooth_deformation(
    inside: Labels, peak: float, seed: int, *, sigma: float = 24.0
) -> DisplacementField:
    """A random displacement ``psi(y) = y + u(y)``, at most ``peak`` millimetres long ``inside``.

    White noise on a coarse grid, smoothed by a Gaussian of ``sigma`` mm: at 15 mm its Jacobian
    stays above a third.
    """
    coarse = inside.grid.with_spacing(4.0)
    noise = np.random.default_rng(seed).normal(size=(3, *coarse.shape))
    width = [0.0, *(sigma / np.array(coarse.spacing))]
    u = ndimage.gaussian_filter(noise, width, mode="reflect")
    u *= peak / np.linalg.norm(u, axis=0)[region(inside, coarse).numpy()].max()
    return DisplacementField(torch.from_numpy(u.astype(np.float32)), coarse)


def _direction(rng: np.random.Generator) -> Matrix:
    axis = rng.normal(size=3)
    unit: Matrix = axis / np.linalg.norm(axis)
    return unit
