"""DisplacementField: ``phi(x) = x + u(x)`` on a grid that it carries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from regkit.errors import InputError, NotInvertibleError
from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.geometry.world import World
from regkit.kernels.fields import invert, turn_vectors
from regkit.kernels.sampling import sample
from regkit.kernels.warping import warp_grid
from regkit.transforms.transform import Transform

_MOST_UNSOLVED = 1e-3


@dataclass(frozen=True, eq=False, repr=False)
class DisplacementField(Transform):
    """World points of fixed to world points of moving: ``phi(x) = x + u(x)``.

    Outside its grid it moves nothing, as in ITK.

    Parameters
    ----------
    u
        ``(d, *grid.shape)`` float32, world units; interpolated linearly.
    grid
        Where ``u`` is sampled.
    residual
        For a field that came from :meth:`inverse`: the largest error in world units that the
        fixed-point solve left; 0 otherwise.
    fixed_world, moving_world
        The worlds that it connects; None fits any.

    Raises
    ------
    InputError
        If ``u`` does not fit the grid.
    """

    u: Tensor
    grid: Grid
    residual: float = 0.0
    fixed_world: World | None = None
    moving_world: World | None = None

    def __post_init__(self) -> None:
        if tuple(self.u.shape) != (self.grid.ndim, *self.grid.shape):
            raise InputError(
                f"displacement {tuple(self.u.shape)} does not fit the grid {self.grid.shape}; "
                f"it must be ({self.grid.ndim}, {', '.join(map(str, self.grid.shape))})"
            )
        object.__setattr__(self, "u", self.u.to(torch.float32))

    def __repr__(self) -> str:
        return f"DisplacementField({self.grid.summary})"

    @property
    def ndim(self) -> int:
        """Dimension of the world."""
        return self.grid.ndim

    def map(self, points: Tensor) -> Tensor:
        """Map world points ``(..., d)`` of fixed to moving."""
        u = sample(self.u.to(points.device), self.grid.to_index(points))
        return points + u.movedim(0, -1).to(points.dtype)

    def on(self, grid: Grid, rows: slice = slice(None)) -> tuple[Matrix, Tensor]:
        """Sample the displacement on the grid at once, without going through points."""
        part = grid.rows(rows)
        still = torch.zeros(self.ndim, *([1] * self.ndim), device=self.u.device)
        u = warp_grid(self.u, self.grid.inverse_affine @ part.affine, still, part.shape)
        return np.eye(self.ndim + 1), u

    def inverse(self, grid: Grid | None = None) -> DisplacementField:
        """Solve ``v(y) = -u(y + v(y))``, which maps moving to fixed.

        See :func:`regkit.kernels.fields.invert`.

        Parameters
        ----------
        grid
            Where to sample the inverse, of the same extent as the field's own, which is taken if
            none is given. Where the field spreads out its inverse has detail of half the size.

        Raises
        ------
        NotInvertibleError
            If more than one voxel in a thousand is left half a voxel or more off: it folds.
        """
        onto = self.grid if grid is None else grid
        v, left = invert(self.index_displacement(), onto.shape)
        share = int(np.count_nonzero(left.cpu().numpy() > 0.5)) / left.numel()
        if share > _MOST_UNSOLVED:
            raise NotInvertibleError(
                f"the displacement field folds: {100 * share:.2g} % of its voxels have no inverse, "
                f"at most {100 * _MOST_UNSOLVED:g} % may; register with more regularisation"
            )
        residual = float(left.max()) * max(self.grid.spacing)
        u = turn_vectors(v, onto.affine[:-1, :-1], out=v)
        return DisplacementField(u, onto, residual, self.moving_world, self.fixed_world)

    def index_displacement(self) -> Tensor:
        """Return ``u`` in voxels of the grid instead of world units, ``(d, *shape)``."""
        return turn_vectors(self.u, self.grid.inverse_affine[:-1, :-1])


def from_index(u: Tensor, grid: Grid) -> DisplacementField:
    """Make a field, fixed to moving, whose displacement is ``u (d, *shape)`` voxels of ``grid``."""
    return DisplacementField(turn_vectors(u, grid.affine[:-1, :-1]), grid)
