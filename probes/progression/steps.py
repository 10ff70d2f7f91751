"""One Gauss-Newton step: what the images ask for, against what bends and stretches the velocity."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_ITERATIONS, _SETTLED = 20, 1e-6
_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


@dataclass(frozen=True)
class Roughness:
    """What the derivatives of a velocity cost, per knot, in the units of its coefficients.

    ``stretching`` weighs the square of the first differences, ``bending`` that of the Laplacian.
    """

    stretching: float
    bending: float

    def slope(self, coefficients: Tensor) -> Tensor:
        """Return the derivative of the cost by the coefficients ``(3, *counts)``."""
        bent = _laplacian(coefficients)
        return self.bending * _laplacian(bent) - self.stretching * bent

    @property
    def diagonal(self) -> float:
        """About what stands on the diagonal of :meth:`slope`."""
        return 6 * self.stretching + 42 * self.bending


def outer_products(slopes: Tensor) -> Tensor:
    """Return the six products of the components of ``slopes (3, *shape)``, ``(6, *shape)``."""
    return torch.stack([slopes[a] * slopes[b] for a, b in _PAIRS])


def solve_step(curvature: Tensor, force: Tensor, roughness: Roughness) -> Tensor:
    """Solve ``(curvature + roughness) step = force`` by preconditioned conjugate gradients.

    Parameters
    ----------
    curvature
        A symmetric matrix at every knot, ``(6, *counts)``, as :func:`outer_products` orders it.
    force
        ``(3, *counts)``.
    roughness
        The cost of what is rough.

    Returns
    -------
    Tensor
        ``(3, *counts)``.
    """
    diagonal = curvature[:3] + roughness.diagonal
    step, left = torch.zeros_like(force), force
    ready = left / diagonal
    way, size = ready, float((left * ready).sum())
    first = size
    for _ in range(_ITERATIONS):
        if size <= _SETTLED * first or size == 0:
            break
        bent = _applied(curvature, way) + roughness.slope(way)
        share = size / float((way * bent).sum())
        step, left = step + share * way, left - share * bent
        ready = left / diagonal
        new = float((left * ready).sum())
        way, size = ready + new / size * way, new
    return step


def _applied(curvature: Tensor, way: Tensor) -> Tensor:
    xx, yy, zz, xy, xz, yz = curvature
    x, y, z = way
    rows = xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z
    return torch.stack(rows)


def _laplacian(field: Tensor) -> Tensor:
    """Second differences; nothing changes across the border."""
    out = torch.zeros_like(field)
    for axis in (1, 2, 3):
        difference = torch.diff(field, dim=axis)
        size = difference.shape[axis]
        out.narrow(axis, 0, size).add_(difference)
        out.narrow(axis, 1, size).sub_(difference)
    return out
