"""Fields of shifts as sums of functions: a translation, an affine, or cubic B-splines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from scipy import sparse

from regkit.geometry.affines import homogeneous
from regkit.geometry.grid import Grid
from regkit.kernels.spline import spline_weights
from regkit.registration.scenes.windows import Floats
from regkit.transforms import Affine, DisplacementField, Transform
from regkit.volume.once import once


class Functions(Protocol):
    """``K`` functions of pixels, whose weighted sums are the components of a field."""

    @property
    def bending(self) -> sparse.csr_matrix | None:
        """The squares of their weights that bending costs, ``(K, K)``; None for a plane."""

    def rows(self, index: Floats) -> sparse.csr_matrix:
        """Their values at points ``(N, 2)``: ``(N, K)``."""

    def transform(self, coefficients: Floats, grid: Grid) -> Transform:
        """Make of a field ``(K, 2)``, in pixels of ``grid``, a map in its world."""


@dataclass(frozen=True)
class ShiftPlane:
    """The constant, and where it is ``sloped`` both axes.

    Parameters
    ----------
    shape
        Of the image, in whose middle the axes are 0.
    sloped
        Whether the field is an affine, and not a translation.
    """

    shape: tuple[int, ...]
    sloped: bool

    @property
    def bending(self) -> None:
        """A plane does not bend."""

    @property
    def _centre(self) -> Floats:
        return (np.array(self.shape) - 1) / 2

    def rows(self, index: Floats) -> sparse.csr_matrix:
        """Their values at points ``(N, 2)``."""
        ones = np.ones((len(index), 1))
        axes = (index - self._centre) / np.array(self.shape)
        return sparse.csr_matrix(np.column_stack([ones, axes]) if self.sloped else ones)

    def transform(self, coefficients: Floats, grid: Grid) -> Affine:
        """Make an affine of a field ``(K, 2)``."""
        slopes = np.zeros((2, 2))
        if self.sloped:
            slopes = coefficients[1:].T / np.array(self.shape)
        constant = coefficients[0] - slopes @ self._centre
        matrix = grid.affine @ homogeneous(np.eye(2) + slopes, constant) @ grid.inverse_affine
        return Affine(matrix, grid.world, grid.world)


@dataclass(frozen=True)
class ShiftSplines:
    """Cubic B-splines on knots ``step`` pixels apart, the first of which lies at ``-step``."""

    shape: tuple[int, ...]
    step: float

    @once
    def size(self) -> tuple[int, ...]:
        """Knots along each axis."""
        return tuple(int(np.ceil((n - 1) / self.step)) + 3 for n in self.shape)

    @once
    def bending(self) -> sparse.csr_matrix:
        """Squared second differences of the knots, along both axes and across."""
        second, first = (
            [_differences(n, each) for n in self.size] for each in ((1, -2, 1), (-1, 1))
        )
        still = [sparse.identity(n) for n in self.size]
        parts = (
            sparse.kron(second[0], still[1]), sparse.kron(still[0], second[1]),
            np.sqrt(2) * sparse.kron(first[0], first[1]),
        )  # fmt: skip
        whole = sparse.vstack(parts).tocsr()
        return (whole.T @ whole).tocsr()

    def rows(self, index: Floats) -> sparse.csr_matrix:
        """Each point as a weighted sum of 16 knots."""
        place, (_, across) = index / self.step, self.size
        whole = np.clip(np.floor(place), 0, np.array(self.size) - 4).astype(np.int64)
        # The four around cell c begin at number c. Beyond, the field stays as it is.
        taps = spline_weights(np.clip(place - whole, 0, 1))
        values = taps[:, 0, :, None] * taps[:, 1, None, :]
        four = np.arange(4)
        columns = (whole[:, :1, None] + four[:, None]) * across + (whole[:, 1:, None] + four)
        starts = 16 * np.arange(len(index) + 1)
        shape = (len(index), int(np.prod(self.size)))
        return sparse.csr_matrix((values.ravel(), columns.ravel(), starts), shape)

    def transform(self, coefficients: Floats, grid: Grid) -> DisplacementField:
        """Sample a field ``(K, 2)`` as a displacement; its nodes lie eight times as near."""
        apart = max(self.step / 8, 1.0)
        shape = [int(np.ceil((n - 1) / apart)) + 3 for n in grid.shape]
        start = homogeneous(apart * np.eye(2), [-apart] * 2)
        nodes = grid.placed(shape, grid.affine @ start)
        axes = [apart * (np.arange(n) - 1) for n in shape]
        index = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
        shift = self.rows(index) @ coefficients @ grid.affine[:-1, :-1].T
        u = torch.from_numpy(np.ascontiguousarray(shift.T.reshape(2, *shape), np.float32))
        return DisplacementField(u, nodes, 0.0, grid.world, grid.world)


def _differences(count: int, stencil: Iterable[int]) -> sparse.csr_matrix:
    taps = list(stencil)
    shape = (max(count - len(taps) + 1, 0), count)
    return sparse.diags_array(taps, offsets=list(range(len(taps))), shape=shape).tocsr()
