"""A smooth field through tie points: cubic B-splines whose bending costs, chosen by the points."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from regkit.kernels.spline import spline_weights
from regkit.registration.scenes.windows import Floats, WindowLayout

_STIFFNESS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1e3, 1e4)
_FOLDS = 4
_SHARED = 4  # windows that overlap by half: a fourth of them is independent
# Standard errors by which a softer surface must be better: bending at all is to be proved, how much
# of it is to be estimated.
_TO_BEND, _TO_BEND_MORE = 2.0, 1.0
_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Surface:
    """``u(x)``, one cubic B-spline a component, on knots ``step`` pixels apart.

    Parameters
    ----------
    knots
        ``(2, K, L)``: the coefficients.
    step
        Pixels from knot to knot; the first one lies at ``-step``.
    stiffness
        What bending costs, as the points chose it; infinite where it does not bend.
    left_out
        ``(M)``: how far points were off a surface that did not know them, in pixels; of dense
        windows only those side by side are asked.
    """

    knots: Floats
    step: float
    stiffness: float
    left_out: Floats

    def __call__(self, index: Floats) -> Floats:
        """Evaluate at points ``(N, 2)``, in pixels: ``(N, 2)``."""
        rows = _design(index, self.step, self.knots.shape[1:])
        return np.stack([rows @ each.ravel() for each in self.knots], -1)


def fit_surface(
    index: Floats, shift: Floats, error: Floats, shape: tuple[int, ...], window: WindowLayout
) -> Surface:
    """Fit a surface; how stiff it is follows from the points that each fit leaves out.

    The stiffest are an affine and a translation.

    Parameters
    ----------
    index, shift
        Tie points in pixels, ``(N, 2)`` each.
    error
        ``(N)``: what each is expected to be off, in pixels.
    shape
        Of the image.
    window
        The windows that were matched: knots lie as far apart as they do.

    Raises
    ------
    RuntimeError
        If the points determine no surface.
    """
    size = tuple(int(np.ceil((n - 1) / window.step)) + 3 for n in shape)
    rows, weight = _design(index, window.step, size), 1 / error**2
    some = _apart(index, window)
    folds = np.random.default_rng(0).permutation(len(some)) % _FOLDS
    ladder = _ladder(size)
    off = np.stack([
        _left_out(rows[some], shift[some], weight[some], folds, each) for each in ladder
    ])  # fmt: skip
    chosen = _stiffest(off, weight[some], np.array([each.proof for each in ladder]))
    found = ladder[chosen].of_more(len(index) / len(some))
    knots = found.fitted(rows, shift, weight)
    return Surface(knots.T.reshape(2, *size), window.step, found.stiffness, off[chosen])


def _apart(index: Floats, window: WindowLayout) -> NDArray[np.int64]:
    """Numbers of the points that are left out in turn: all, or of dense windows those side by side.

    Where windows overlap by more than half they show the same noise: a point that is left out
    would be known by its neighbours, and noise be taken for motion.
    """
    if window.step >= window.size // 2:
        return np.arange(len(index))
    cells = np.floor(index / window.size).astype(np.int64)
    return np.sort(np.unique(cells, axis=0, return_index=True)[1])


@dataclass(frozen=True, eq=False)
class _Rung:
    """Surfaces that are sums of the columns of ``basis``, each of which is a value a knot."""

    basis: sparse.csr_matrix
    bending: sparse.csr_matrix
    stiffness: float

    @property
    def proof(self) -> float:
        """Standard errors by which a softer surface must be better than these."""
        return _TO_BEND if np.isinf(self.stiffness) else _TO_BEND_MORE

    def of_more(self, times: float) -> _Rung:
        """As stiff for so many times the points."""
        return replace(self, bending=self.bending * times)

    def fitted(self, rows: sparse.csr_matrix, shift: Floats, weight: Floats) -> Floats:
        """The knots ``(K L, 2)`` nearest to points, each a row of weights of knots."""
        found: Floats = self.basis @ _solved(rows @ self.basis, self.bending, shift, weight)
        return found


def _ladder(size: tuple[int, ...]) -> list[_Rung]:
    """From the softest surface to an affine and a translation, which splines hold exactly."""
    bending, knots = _bending(size), np.indices(size).reshape(2, -1).T
    free = sparse.identity(len(knots), format="csr")
    plane = np.column_stack([np.ones(len(knots)), knots / np.array(size) - 0.5])
    flat = [sparse.csr_matrix(plane[:, :count]) for count in (3, 1)]
    return [
        *(_Rung(free, each * bending, each) for each in _STIFFNESS),
        *(_Rung(each, 0 * each.T @ each, float("inf")) for each in flat),
    ]


def _stiffest(off: Floats, weight: Floats, proof: Floats) -> int:
    """The stiffest of those whose error does not differ from the least by more than by chance.

    Parameters
    ----------
    off
        ``(rungs, N)``: how far each point was off when it was left out.
    weight
        ``(N)``.
    proof
        ``(rungs)``: how many standard errors are no chance.
    """
    capped = np.minimum(off, 3 * np.median(off, axis=1, keepdims=True) + _TINY)
    share = weight / weight.sum()
    score = capped @ share
    worse = capped - capped[score.argmin()]
    mean = worse @ share
    spread = np.sqrt(((worse - mean[:, None]) ** 2) @ share**2 * _SHARED)
    return int(np.flatnonzero(mean <= proof * spread).max())


def _left_out(
    rows: sparse.csr_matrix,
    shift: Floats,
    weight: Floats,
    folds: NDArray[np.int64],
    rung: _Rung,
) -> Floats:
    off = np.zeros(len(shift))
    for fold in range(_FOLDS):
        out = folds == fold
        if not out.any() or out.all():
            continue
        knots = rung.fitted(rows[~out], shift[~out], weight[~out])
        off[out] = np.linalg.norm(rows[out] @ knots - shift[out], axis=1)
    return off


def _solved(
    rows: sparse.csr_matrix, bending: sparse.csr_matrix, shift: Floats, weight: Floats
) -> Floats:
    share = weight / weight.mean()
    weighted = rows.multiply(share[:, None])
    normal = (rows.T @ weighted + bending).tocsc()
    normal = normal + _TINY * sparse.identity(normal.shape[0], format="csc")
    # Symmetric and positive: an order that knows it fills in far less.
    factors = splu(normal, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
                   options={"SymmetricMode": True})  # fmt: skip
    found: Floats = factors.solve(np.asarray(weighted.T @ shift))
    return found


def _design(index: Floats, step: float, size: tuple[int, ...]) -> sparse.csr_matrix:
    """Each point as a weighted sum of 16 knots."""
    place = index / step
    whole = np.clip(np.floor(place), 0, np.array(size) - 4).astype(np.int64)
    # Knot 0 lies at -step: the four around cell c begin at number c. Beyond, u stays as it is.
    taps = spline_weights(np.clip(place - whole, 0, 1))
    rows, columns, values = [], [], []
    for a in range(4):
        for b in range(4):
            i = whole[:, 0] + a
            j = whole[:, 1] + b
            rows.append(np.arange(len(index)))
            columns.append(i * size[1] + j)
            values.append(taps[:, 0, a] * taps[:, 1, b])
    shape = (len(index), size[0] * size[1])
    return sparse.csr_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape
    )


def _bending(size: tuple[int, ...]) -> sparse.csr_matrix:
    """Squared second differences of the knots, along both axes and across."""
    (k, m), parts = size, []
    second = [_differences(n, (1, -2, 1)) for n in size]
    first = [_differences(n, (-1, 1)) for n in size]
    parts.append(sparse.kron(second[0], sparse.identity(m)))
    parts.append(sparse.kron(sparse.identity(k), second[1]))
    parts.append(np.sqrt(2) * sparse.kron(first[0], first[1]))
    whole = sparse.vstack(parts).tocsr()
    return (whole.T @ whole).tocsr()


def _differences(count: int, stencil: tuple[int, ...]) -> sparse.csr_matrix:
    offsets = range(len(stencil))
    shape = (max(count - len(stencil) + 1, 0), count)
    return sparse.diags_array(stencil, offsets=list(offsets), shape=shape).tocsr()
