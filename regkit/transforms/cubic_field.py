"""CubicField: a displacement that is cubic between the nodes it passes through, as MINC has it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.grid import Grid
from regkit.geometry.world import World
from regkit.transforms.displacement import DisplacementField
from regkit.transforms.sampling import sample_transform
from regkit.transforms.taps import Weights, sum_over_nodes, within
from regkit.transforms.transform import Transform

_FINER = 4  # steps from node to node, where a linear field stands for the cubic one


@dataclass(frozen=True, eq=False, repr=False)
class CubicField(Transform):
    """World points of fixed to world points of moving: ``phi(x) = x + u(x)``.

    Between the nodes ``u`` is the cubic of Catmull and Rom, and in the outermost cells linear, as
    in libminc. Outside its grid it moves nothing.

    Parameters
    ----------
    u
        ``(d, *grid.shape)``, world units, at the nodes.
    grid
        The nodes, two or more along each axis.
    fixed_world, moving_world
        The worlds that it connects; None fits any.

    Raises
    ------
    InputError
        If ``u`` does not fit the grid, or the grid is flat.

    Examples
    --------
    >>> import numpy as np
    >>> line = torch.tensor([0.0, 1, 4, 9, 16]).expand(1, 5, 5).repeat(2, 1, 1)
    >>> CubicField(line, Grid((5, 5), np.eye(3)))([2.0, 1.5]).tolist()
    [4.25, 3.75]
    """

    u: Tensor
    grid: Grid
    fixed_world: World | None = None
    moving_world: World | None = None

    def __post_init__(self) -> None:
        if tuple(self.u.shape) != (self.grid.ndim, *self.grid.shape) or min(self.grid.shape) < 2:
            raise InputError(
                f"displacement {tuple(self.u.shape)} does not fit the grid {self.grid.shape}; it "
                "needs a vector for each node, and two nodes along each axis"
            )

    def __repr__(self) -> str:
        return f"CubicField({self.grid.summary})"

    @property
    def ndim(self) -> int:
        """Dimension of the world."""
        return self.grid.ndim

    @cached_property
    def displacement(self) -> DisplacementField:
        """A linear field that stands for it, with its nodes and three between each two of them."""
        shape = tuple(_FINER * (n - 1) + 1 for n in self.grid.shape)
        finer = np.diag([*[1 / _FINER] * self.ndim, 1.0])
        return sample_transform(self, self.grid.placed(shape, self.grid.affine @ finer))

    def map(self, points: Tensor) -> Tensor:
        """Map world points ``(..., d)`` of fixed to moving."""
        known, index = within(self.grid.to_index(points.double()), 0, self.grid.shape)
        last = torch.tensor(self.grid.shape, dtype=index.dtype, device=index.device) - 1
        start = index.floor().minimum(last - 1)
        inner = ((index >= 1) & (index <= last - 1)).all(-1, keepdim=True)
        weights = _catmull_rom(index - start), _linear(index - start)
        chosen = [torch.where(inner, *pair) for pair in zip(*weights, strict=True)]
        u = sum_over_nodes(self.u.to(index), start.long() - 1, chosen)
        return points + torch.where(known, u, torch.zeros_like(u)).to(points.dtype)

    def inverse(self) -> DisplacementField:
        """Invert :attr:`displacement`.

        Raises
        ------
        NotInvertibleError
            If it folds.
        """
        return self.displacement.inverse()


def _catmull_rom(t: Tensor) -> Weights:
    """Weights of the four nodes around a place ``t (...)`` in the cell, 0 to 1."""
    s = 1 - t
    return (
        -t * s**2 / 2,
        1 - t**2 * (5 - 3 * t) / 2,
        1 - s**2 * (5 - 3 * s) / 2,
        -s * t**2 / 2,
    )


def _linear(t: Tensor) -> Weights:
    """Weights of the same four nodes, of which the outer two have none."""
    nothing = torch.zeros_like(t)
    return nothing, 1 - t, t, nothing
