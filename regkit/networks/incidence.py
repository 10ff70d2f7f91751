"""Tell which input voxels a voxel of doubled resolution sees through two linear layers in a row.

Along one axis, a voxel of the fine grid has index ``2 q + p`` of coarse index ``q`` and parity
``p``. A transposed convolution (4 taps, stride 2, padding 1) makes the fine voxel ``f`` of the
coarse ``c`` by its tap ``f - 2 c + 1``; a convolution of 3 taps then looks at the neighbours
``d = -1, 0, 1`` of ``2 q + p``. So both together see the coarse ``q - 1, q, q + 1``, called
``r = 0, 1, 2`` here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import torch
from torch import Tensor


@dataclass(frozen=True)
class Span:
    """Coarse indices along one axis whose fine neighbours lie inside the image in the same way.

    ``inside[p][d]`` tells whether neighbour ``d - 1`` of parity ``p`` is a voxel of the image.
    """

    start: int
    stop: int
    inside: tuple[tuple[bool, ...], ...]


def spans(size: int) -> tuple[Span, ...]:
    """Divide an axis of ``size`` fine voxels: its first coarse index, those between, and the last.

    Examples
    --------
    >>> [(span.start, span.stop) for span in spans(9)]
    [(0, 1), (1, 4), (4, 5)]
    """
    count = (size + 1) // 2
    bounds = sorted({0, 1, max(1, count - 1), count})
    return tuple(Span(start, stop, _inside(start, size)) for start, stop in pairwise(bounds))


def _inside(q: int, size: int) -> tuple[tuple[bool, ...], ...]:
    return tuple(tuple(0 <= 2 * q + p + d < size for d in (-1, 0, 1)) for p in (0, 1))


def through_doubling(inside: Sequence[Sequence[bool]]) -> Tensor:
    """Return the table ``(d, t, p, r)`` of a doubling.

    It is 1 where neighbour ``d`` of parity ``p`` gets tap ``t`` of coarse ``r``.
    """
    table = torch.zeros(3, 4, 2, 3, dtype=torch.float64)
    for p, d, r in product(range(2), range(3), range(3)):
        tap = p + (d - 1) - 2 * (r - 1) + 1
        if inside[p][d] and 0 <= tap < 4:
            table[d, tap, p, r] = 1
    return table


def through_parities() -> Tensor:
    """Return the table ``(d, s, p, r)`` of images that are stored by parity.

    It is 1 where neighbour ``d`` of parity ``p`` is parity ``s`` of coarse ``r``.
    """
    table = torch.zeros(3, 2, 2, 3, dtype=torch.float64)
    for p, d in product(range(2), range(3)):
        coarse, parity = divmod(p + d - 1, 2)
        table[d, parity, p, coarse + 1] = 1
    return table


def contract_taps(taps: Tensor, table: Tensor, left: int) -> Tensor:
    """Sum over the taps of the first axis that is left.

    Parameters
    ----------
    taps
        ``(out, d_1 ... d_n, in, s_1 ... s_n, ...)``: one weight for each pair of taps, where
        ``n`` is ``left``; what earlier calls have added comes last.
    table
        ``(d, s, p, r)``, such as :func:`through_doubling` gives.

    Returns
    -------
    Tensor
        Without the first ``d`` and ``s``; with ``p, r`` added at the end.
    """
    out: Tensor = torch.tensordot(taps, table, dims=([1, left + 2], [0, 1]))
    return out


def sorted_taps(taps: Tensor) -> Tensor:
    """Reorder ``(out, in, p_1, r_1, p_2, ...)`` as ``(p_1 ... p_n, out, in, r_1 ... r_n)``."""
    parities, coarse = range(2, taps.ndim, 2), range(3, taps.ndim, 2)
    return taps.permute(*parities, 0, 1, *coarse)
