"""Flow: what moves points along a smooth velocity, and how much volume it makes on the way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from regkit.geometry import Grid
from regkit.kernels.cpu import needed_loops

Reals = NDArray[np.float64]
_STEP = 1.5  # voxels of the lattice at the most, for an error of 1e-5 mm and 1e-7 in a volume


@dataclass(frozen=True, eq=False)
class Flow:
    """The map ``x -> exp(v)(x)`` of world points, by the cubic B-spline of ``v`` on a lattice.

    Parameters
    ----------
    coefficients
        ``(*lattice.shape, 3)`` float64, in voxels of the lattice per unit of time.
    lattice
        Where they lie. Beyond it nothing moves.
    """

    coefficients: Reals
    lattice: Grid

    @classmethod
    def of(cls, velocity: Reals, lattice: Grid) -> Flow:
        """Interpolate a velocity, ``(3, *lattice.shape)`` in world units per unit of time."""
        from scipy.ndimage import spline_filter

        inward = np.einsum("ab,b...->a...", lattice.inverse_affine[:3, :3], velocity)
        return cls(np.stack([spline_filter(p, mode="mirror") for p in inward], axis=-1), lattice)

    def times(self, factor: float) -> Flow:
        """Return the flow of ``factor`` times the velocity; its inverse for -1."""
        return Flow(factor * self.coefficients, self.lattice)

    def plus(self, other: Flow) -> Flow:
        """Return the flow of the sum of two velocities on one lattice."""
        return Flow(self.coefficients + other.coefficients, self.lattice)

    def carried(self, points: Reals, *, steps: int = 0) -> tuple[Reals, Reals]:
        """Carry world points for one unit of time.

        Parameters
        ----------
        points
            ``(N, 3)``, RAS+ mm.
        steps
            Of Runge and Kutta; by the speed if 0.

        Returns
        -------
        moved, growth
            The points ``(N, 3)``, and the logarithm of the Jacobian determinant of the map at each
            of the given ones, ``(N,)``: the integral of the divergence along its way.
        """
        into, out = self.lattice.inverse_affine, self.lattice.affine
        index = np.ascontiguousarray(points @ into[:3, :3].T + into[:3, 3])
        growth = np.zeros(len(index))
        needed_loops().carry(self.coefficients, index, 1.0, steps or self._steps, growth)
        return index @ out[:3, :3].T + out[:3, 3], growth

    @cached_property
    def _steps(self) -> int:
        return 1 + int(np.abs(self.coefficients).max() / _STEP)

    def divergence(self, points: Reals) -> Reals:
        """Return the divergence of the velocity at world points ``(N, 3)``, as ``(N,)``."""
        tiny = 1e-6
        return self.times(tiny).carried(points, steps=1)[1] / tiny
