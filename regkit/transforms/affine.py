"""Affine: a matrix between worlds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from regkit.geometry.affines import Matrix, checked
from regkit.geometry.grid import Grid
from regkit.transforms.transform import Transform


@dataclass(frozen=True, eq=False)
class Affine(Transform):
    """``phi(x) = A x + t``, world points of fixed to world points of moving.

    Parameters
    ----------
    matrix
        ``(d + 1, d + 1)`` float64, RAS+ millimetres on both sides.

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

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", checked(self.matrix, what="affine transform"))

    @classmethod
    def identity(cls, ndim: int = 3) -> Affine:
        """The transform that leaves every point where it is."""
        return cls(np.eye(ndim + 1))

    @property
    def ndim(self) -> int:
        """Dimension of the world."""
        return len(self.matrix) - 1

    def __call__(self, points: Tensor) -> Tensor:
        """Map world points ``(..., d)``."""
        whole = torch.as_tensor(np.array(self.matrix), dtype=points.dtype, device=points.device)
        return points @ whole[:-1, :-1].T + whole[:-1, -1]

    def on(self, grid: Grid, rows: slice = slice(None)) -> tuple[Matrix, Tensor]:
        """The matrix, and no displacement."""
        return self.matrix, torch.zeros(self.ndim, *([1] * self.ndim))

    def inverse(self) -> Affine:
        """The exact inverse."""
        return Affine(np.asarray(np.linalg.inv(self.matrix), dtype=np.float64))
