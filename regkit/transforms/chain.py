"""Chain: several transforms, applied last to first."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.transforms.affine import Affine
from regkit.transforms.transform import Transform, compose


@dataclass(frozen=True, eq=False)
class Chain(Transform):
    """``Chain((a, b))(x) = a(b(x))``; made by ``a @ b``.

    Parameters
    ----------
    links
        Outermost first. Maps world points of fixed to world points of moving.
    """

    links: tuple[Transform, ...]

    @property
    def ndim(self) -> int:
        """Dimension of the world."""
        return self.links[0].ndim

    def __call__(self, points: Tensor) -> Tensor:
        """Apply the innermost link first."""
        for link in reversed(self.links):
            points = link(points)
        return points

    def on(self, grid: Grid, rows: slice = slice(None)) -> tuple[Matrix, Tensor]:
        """An affine on the outside goes into the matrix."""
        outer, *rest = self.links
        if not isinstance(outer, Affine):
            return super().on(grid, rows)
        matrix, u = compose(*rest).on(grid, rows)
        return outer.matrix @ matrix, u

    def inverse(self) -> Transform:
        """The inverses in reverse order."""
        return compose(*(link.inverse() for link in reversed(self.links)))


def links(transform: Transform) -> tuple[Transform, ...]:
    """Those of a chain, outermost first; anything else is its own only link."""
    return transform.links if isinstance(transform, Chain) else (transform,)
