"""An image seen from another grid, whose voxels are interpolated once, and what its noise does."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from scipy.ndimage import spline_filter, spline_filter1d
from torch import Tensor

from probes.flow.flow import Reals
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix
from regkit.kernels.cpu import needed_loops
from regkit.volume import Volume

_LONG = 65  # samples, of which the middle one does not feel the ends


class SplineView:
    """The cubic B-spline of an image of one channel, at places of a grid of its own or another.

    Parameters
    ----------
    image
        3-D.
    grid
        From which it is seen.
    way
        ``(4, 4)``, world points of ``grid`` to world points of the image.
    """

    def __init__(self, image: Volume, grid: Grid, way: Matrix) -> None:
        matrix = image.grid.inverse_affine @ way @ grid.affine
        self._linear = torch.from_numpy(matrix[:3, :3]).float()
        self._start = _indices(grid.shape, matrix)
        self._last = torch.tensor(image.shape)[:, None, None, None] - 1
        self._still = _indices(grid.shape, np.eye(4))
        voxels = spline_filter(image.data[0].numpy().astype(np.float64), mode="mirror")
        self._coefficients = _no_smaller(voxels, grid.shape).astype(np.float32)

    @property
    def shown(self) -> Tensor:
        """Where the image shows what is there, ``(*grid.shape)``."""
        out: Tensor = ((self._start >= 0) & (self._start <= self._last)).all(0)
        return out

    def warped(self, u: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Read the image at ``x + u(x)``: values and slopes.

        Parameters
        ----------
        u
            ``(3, *grid.shape)`` float32, in voxels of the grid.
        weight
            ``(*grid.shape)``; where it is 0 nothing is computed.

        Returns
        -------
        values, slopes
            ``(*grid.shape)``, and per voxel of the grid along each axis ``(3, *grid.shape)``: 0
            where ``weight`` is.
        """
        # The loop reads one lattice of all: the corner of it that the grid takes counts.
        shape, corner = self._coefficients.shape, tuple(slice(n) for n in weight.shape)
        places, counts = torch.zeros(3, *shape), torch.zeros(shape)
        places[:, *corner] = self._places(u) - self._still
        counts[corner] = weight
        values, slopes = torch.empty(shape), torch.empty(3, *shape)
        needed_loops().spline_warp(
            self._coefficients, places.numpy(), counts.numpy(), values.numpy(), slopes.numpy()
        )
        return values[corner].contiguous(), self._per_voxel(slopes[:, *corner])

    def noise_slopes(self, u: Tensor) -> Tensor:
        """Return how the variance of white noise of variance 1 changes with ``u``.

        Between voxels a spline averages more of them than on one, and less noise is left.

        Parameters
        ----------
        u
            As for :meth:`warped`.

        Returns
        -------
        Tensor
            Per voxel of the grid along each axis, ``(3, *grid.shape)``.
        """
        (x, dx), (y, dy), (z, dz) = (_wave(place) for place in self._places(u))
        return self._per_voxel(torch.stack([dx * y * z, x * dy * z, x * y * dz]))

    def _places(self, u: Tensor) -> Tensor:
        """Where the image is read, in its voxels."""
        return self._start + torch.einsum("ab,b...->a...", self._linear, u)

    def _per_voxel(self, slopes: Tensor) -> Tensor:
        """Slopes along the axes of the image as slopes along those of the grid."""
        return torch.einsum("ab,a...->b...", self._linear, slopes).contiguous()


def _indices(shape: tuple[int, ...], matrix: Matrix) -> Tensor:
    """``matrix`` of the indices of all voxels, ``(3, *shape)``."""
    axes = torch.meshgrid(*[torch.arange(n, dtype=torch.float64) for n in shape], indexing="ij")
    linear, start = torch.from_numpy(matrix[:3, :3]), torch.from_numpy(matrix[:3, 3])
    moved = torch.einsum("ab,b...->a...", linear, torch.stack(axes))
    return (moved + start[:, None, None, None]).float()


def _no_smaller(coefficients: Reals, shape: tuple[int, ...]) -> Reals:
    """Coefficients mirrored beyond their end until they are as many as ``shape``."""
    beyond = [(0, max(0, wanted - n)) for n, wanted in zip(coefficients.shape, shape, strict=True)]
    return np.pad(coefficients, beyond, mode="reflect")


def _wave(place: Tensor) -> tuple[Tensor, Tensor]:
    """The variance that one axis leaves of white noise at ``place`` voxels, and its slope."""
    mean, once, twice = _heights()
    cosine, sine = torch.cos(2 * np.pi * place), torch.sin(2 * np.pi * place)
    value = mean - twice + cosine * (once + 2 * twice * cosine)
    slope = -2 * np.pi * sine * (once + 4 * twice * cosine)
    return value, slope


@cache
def _heights() -> tuple[float, ...]:
    """The waves of the variance from voxel to voxel: the sum of the squared weights of a spline."""
    one = spline_filter1d(np.eye(_LONG)[_LONG // 2], mode="mirror")
    parts = np.arange(8) / 8
    weights = [_blended(one, part) for part in parts]
    waves = np.fft.rfft([float((each**2).sum()) for each in weights]).real / len(parts)
    return float(waves[0]), 2 * float(waves[1]), 2 * float(waves[2])


def _blended(coefficients: Reals, part: float) -> Reals:
    """The spline ``part`` of a voxel behind each of its samples."""
    s = 1 - part
    shares = [s**3, 4 - 3 * part**2 * (2 - part), 4 - 3 * s**2 * (2 - s), part**3]
    moved = np.stack([np.roll(coefficients, 1 - k) for k in range(4)])
    out: Reals = np.array(shares) @ moved / 6
    return out
