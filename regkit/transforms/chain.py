"""Chain: several transforms, applied last to first."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.geometry.world import World
from regkit.transforms.affine import Affine
from regkit.transforms.transform import Transform, compose


@dataclass(frozen=True, eq=False, repr=False)
class Chain(Transform):
    """``Chain((a, b))(x) = a(b(x))``; made by ``a @ b``.

    Parameters
    ----------
    links
        Outermost first. Maps world points of fixed to world points of moving.
    """

    links: tuple[Transform, ...]

    def __repr__(self) -> str:
        return f"Chain({' @ '.join(map(repr, self.links))})"

    # A field of other transforms; mypy knows no property in its place.
    @property
    def fixed_world(self) -> World | None:  # type: ignore[override]
        """Where points come from: the world in which the innermost link begins."""
        return self.links[-1].fixed_world

    @property
    def moving_world(self) -> World | None:  # type: ignore[override]
        """Where points end: the world in which the outermost link ends."""
        return self.links[0].moving_world

    def between(self, fixed_world: World | None, moving_world: World | None) -> Chain:
        """Return the same chain, known to connect two worlds."""
        outer, *middle, inner = self.links
        first = outer.between(outer.fixed_world, moving_world)
        return Chain((first, *middle, inner.between(fixed_world, inner.moving_world)))

    @property
    def ndim(self) -> int:
        """Dimension of the world."""
        return self.links[0].ndim

    def map(self, points: Tensor) -> Tensor:
        """Map world points ``(..., d)`` of fixed to moving, through the innermost link first."""
        for link in reversed(self.links):
            points = link.map(points)
        return points

    def on(self, grid: Grid, rows: slice = slice(None)) -> tuple[Matrix, Tensor]:
        """Give the chain at the voxels of ``grid``; an outermost affine goes into the matrix."""
        outer, *rest = self.links
        if not isinstance(outer, Affine):
            return super().on(grid, rows)
        matrix, u = compose(*rest).on(grid, rows)
        return outer.matrix @ matrix, u

    def inverse(self) -> Transform:
        """Return the inverses of the links in reverse order, which map moving to fixed."""
        return compose(*(link.inverse() for link in reversed(self.links)))


def links(transform: Transform) -> tuple[Transform, ...]:
    """Return the transforms of a chain, outermost first; any other transform is its own only link.

    Each maps world points of fixed to world points of moving, as the whole does.
    """
    return transform.links if isinstance(transform, Chain) else (transform,)
