"""What every transform is: a callable on world points that composes and inverts."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.volume.points import Points


class Transform(ABC):
    """Maps world points of fixed to world points of moving: ``warped(x) = moving(phi(x))``."""

    @property
    @abstractmethod
    def ndim(self) -> int:
        """Dimension of the world, 2 or 3."""

    @abstractmethod
    def __call__(self, points: Tensor) -> Tensor:
        """Map ``points (..., d)`` in world units; the type and device are kept."""

    @abstractmethod
    def inverse(self) -> Transform:
        """The transform from moving back to fixed.

        Raises
        ------
        NotInvertibleError
            If there is none that can be trusted.
        """

    def on(self, grid: Grid, rows: slice = slice(None)) -> tuple[Matrix, Tensor]:
        """The transform at the voxels of ``grid``, or at some rows of its first axis.

        Returns
        -------
        matrix, u
            ``phi(x) = matrix (x + u(x))``: a world affine, and a displacement before it,
            ``(d, *shape)`` float32 in world units, or ``(d, 1, ..., 1)`` where it is the same
            everywhere.
        """
        x = grid.world_points(rows)
        return np.eye(self.ndim + 1), (self(x) - x).movedim(-1, 0).float().contiguous()

    def __matmul__(self, other: Transform) -> Transform:
        """``(a @ b)(x) = a(b(x))``."""
        return compose(self, other)

    def map_points(self, points: Points) -> Points:
        """Map landmarks of fixed to moving; use ``inverse()`` for landmarks of moving."""
        return Points(self(points.xyz), points.names)


def compose(*transforms: Transform) -> Transform:
    """``compose(a, b, c)(x) = a(b(c(x)))``, with neighbouring affines multiplied out.

    Raises
    ------
    InputError
        If there is nothing to compose, or the dimensions differ.
    """
    from regkit.transforms.affine import Affine
    from regkit.transforms.chain import Chain

    if not transforms:
        raise InputError("nothing to compose")
    if len({part.ndim for part in transforms}) > 1:
        raise InputError("transforms of 2-D and 3-D worlds cannot be composed")
    parts: list[Transform] = []
    for part in transforms:
        for link in part.links if isinstance(part, Chain) else (part,):
            if parts and isinstance(link, Affine) and isinstance(parts[-1], Affine):
                parts[-1] = Affine(parts[-1].matrix @ link.matrix)
            else:
                parts.append(link)
    return parts[0] if len(parts) == 1 else Chain(tuple(parts))
