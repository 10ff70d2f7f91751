"""Least squares of a field of shifts through the patches of windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.interpolate import CubicSpline
from scipy.sparse.linalg import splu

from regkit.registration.scenes.patches import WindowPatches
from regkit.registration.scenes.windows import Floats

_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class FittedField:
    """A field that was fitted.

    Parameters
    ----------
    coefficients
        ``(K, 2)``.
    volume
        The logarithm of the determinant of the matrix that was solved.
    """

    coefficients: Floats
    volume: float


@dataclass(frozen=True, eq=False)
class FieldEquations:
    """Normal equations of a field, both components of which are sums of ``K`` functions.

    Both are found together, since what patches know lies across their edges.

    Parameters
    ----------
    normal
        ``(2 K, 2 K)``.
    right
        ``(2 K)``.
    """

    normal: sparse.csc_matrix
    right: Floats

    @classmethod
    def of(cls, rows: sparse.csr_matrix, patches: WindowPatches) -> FieldEquations:
        """Take patches; ``rows (N P, K)`` are the values of the functions where they lie."""
        slopes = patches.slopes.reshape(-1, 2, 2)
        wanted = np.einsum("npxy,npy->npx", patches.slopes, patches.shift) + patches.rest
        a, b, d = (
            rows.T @ rows.multiply(slopes[:, i, j, None]) for i, j in ((0, 0), (0, 1), (1, 1))
        )
        normal = sparse.bmat([[a, b], [b, d]], format="csc")
        return cls(normal, (rows.T @ wanted.reshape(-1, 2)).T.ravel())

    def __add__(self, other: FieldEquations) -> FieldEquations:
        """Those of the patches of both."""
        return FieldEquations(self.normal + other.normal, self.right + other.right)

    def __sub__(self, other: FieldEquations) -> FieldEquations:
        """Those of the patches that the other ones were not made of."""
        return FieldEquations(self.normal - other.normal, self.right - other.right)

    def fitted(self, bending: sparse.csr_matrix | None, stiffness: float) -> FittedField:
        """Solve them.

        Parameters
        ----------
        bending
            ``(K, K)``: the squares that bending costs; None for functions that cannot bend.
        stiffness
            How much it costs, as a share of what the patches say.

        Raises
        ------
        RuntimeError
            If the patches do not determine a field.
        """
        size, power = self.normal.shape[0], float(self.normal.diagonal().sum())
        whole = self.normal + _TINY * power / size * sparse.identity(size, format="csc")
        if bending is not None:
            share = stiffness * power / (2 * float(bending.diagonal().sum()))
            whole = whole + share * sparse.block_diag([bending, bending], format="csc")
        # Symmetric and positive: an order that knows it fills in far less.
        factors = splu(whole.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
                       options={"SymmetricMode": True})  # fmt: skip
        found: Floats = factors.solve(self.right).reshape(2, -1).T
        return FittedField(found, float(np.log(np.abs(factors.U.diagonal())).sum()))


def freedom(
    volumes: Sequence[float], stiffness: Sequence[float], size: int
) -> Callable[[float], float]:
    """Tell how many numbers fields could choose that differ by their stiffness alone.

    It is the trace of ``(A + s B)^-1 A`` for a stiffness ``s``, and that is the number of unknowns
    less the slope of the logarithm of the determinant of ``A + s B`` over that of ``s``.

    Parameters
    ----------
    volumes
        ``(S)``: of what was solved for each.
    stiffness
        ``(S)``, rising.
    size
        How many numbers a field has.

    Returns
    -------
    Callable
        It takes a stiffness from the first to the last.
    """
    slope = CubicSpline(np.log(stiffness), volumes).derivative()
    return lambda each: size - float(slope(np.log(each)))
