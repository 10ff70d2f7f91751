"""Affine: a matrix between worlds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from regkit.geometry.affines import Matrix, as_affine
from regkit.geometry.grid import Grid
from regkit.geometry.world import World
from regkit.transforms.transform import Transform


@dataclass(frozen=True, eq=False, repr=False)
class Affine(Transform):
    """``phi(x) = A x + t``, world points of fixed to world points of moving.

    Parameters
    ----------
    matrix
        ``(d + 1, d + 1)`` float64, world points of fixed to world points of moving.
    fixed_world, moving_world
        The worlds that it connects; None fits any.

    Raises
    ------
    InputError
        If the matrix is not finite, not affine or singular.

    Examples
    --------
    >>> phi = Affine(np.diag([2.0, 2.0, 2.0, 1.0]))
    >>> phi.inverse()(phi(torch.ones(1, 3))).tolist()
    [[1.0, 1.0, 1.0]]
    """

    matrix: Matrix
    fixed_world: World | None = None
    moving_world: World | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", as_affine(self.matrix, what="affine transform"))

    def __repr__(self) -> str:
        rows = "; ".join(" ".join(f"{value:.4g}" for value in row) for row in self.matrix[:-1])
        return f"Affine([{rows}])"

    @classmethod
    def identity(cls, ndim: int = 3) -> Affine:
        """The transform that leaves every point where it is."""
        return cls(np.eye(ndim + 1))

    @property
    def ndim(self) -> int:
        """Dimension of the world."""
        return len(self.matrix) - 1

    def map(self, points: Tensor) -> Tensor:
        """Map world points ``(..., d)`` of fixed to moving."""
        whole = torch.as_tensor(np.array(self.matrix), dtype=points.dtype, device=points.device)
        return points @ whole[:-1, :-1].T + whole[:-1, -1]

    def on(self, grid: Grid, rows: slice = slice(None)) -> tuple[Matrix, Tensor]:
        """Return the matrix itself, and a displacement of zero."""
        return self.matrix, torch.zeros(self.ndim, *([1] * self.ndim))

    def inverse(self) -> Affine:
        """Return the exact inverse, which maps moving to fixed."""
        matrix = np.asarray(np.linalg.inv(self.matrix), dtype=np.float64)
        return Affine(matrix, self.moving_world, self.fixed_world)
