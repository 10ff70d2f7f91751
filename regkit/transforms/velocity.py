"""VelocityField: the exponential of a stationary velocity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.geometry.world import World
from regkit.kernels.fields import exponential
from regkit.transforms.displacement import DisplacementField, from_index
from regkit.transforms.transform import Transform


@dataclass(frozen=True, eq=False, repr=False)
class VelocityField(Transform):
    """World points of fixed to world points of moving: ``phi = exp(v)``.

    Parameters
    ----------
    v
        ``(d, *grid.shape)`` float32, world units per unit of time.
    grid
        Where ``v`` is sampled; nothing moves outside it.
    fixed_world, moving_world
        The worlds that it connects; None fits any.
    """

    v: Tensor
    grid: Grid
    fixed_world: World | None = None
    moving_world: World | None = None

    def __repr__(self) -> str:
        return f"VelocityField({self.grid.summary})"

    @property
    def ndim(self) -> int:
        """Dimension of the world."""
        return self.grid.ndim

    @cached_property
    def displacement(self) -> DisplacementField:
        """The field ``exp(v)`` by scaling and squaring (Arsigny et al., MICCAI 2006)."""
        steps = DisplacementField(self.v, self.grid).index_displacement()
        return from_index(exponential(steps), self.grid)

    def map(self, points: Tensor) -> Tensor:
        """Map world points ``(..., d)`` of fixed to moving."""
        return self.displacement.map(points)

    def on(self, grid: Grid, rows: slice = slice(None)) -> tuple[Matrix, Tensor]:
        """Return what :attr:`displacement` gives at the voxels of ``grid``."""
        return self.displacement.on(grid, rows)

    def inverse(self) -> VelocityField:
        """Return ``exp(-v)``, from moving to fixed, exact up to the integration."""
        back = replace(self, v=-self.v)
        return back.between(self.moving_world, self.fixed_world)
