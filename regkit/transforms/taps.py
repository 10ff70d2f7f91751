"""What every cubic transform is: a sum over the four nodes around a point along each axis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

Weights = Sequence[Tensor]
_ROUNDED = 1e-5  # of a cell: how far float32 in a header takes a point beyond the last one


def within(index: Tensor, margin: int, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Tell which points lie on a grid, and bring the others to its rim.

    Parameters
    ----------
    index
        Indices ``(..., d)``.
    margin
        How many nodes at each end of an axis are not a part of it.
    shape
        Nodes along each axis.

    Returns
    -------
    known, index
        ``(..., 1)``, with rounding forgiven; and indices ``(..., d)`` that are all on the grid.
    """
    last = torch.tensor(shape, dtype=index.dtype, device=index.device) - 1 - margin
    known = ((index >= margin - _ROUNDED) & (index <= last + _ROUNDED)).all(-1, keepdim=True)
    return known, index.nan_to_num(nan=float(margin)).clamp(min=margin).minimum(last)


def sum_over_nodes(values: Tensor, first: Tensor, weights: Weights) -> Tensor:
    """Sum the values of ``4**d`` nodes, each times the product of its weights.

    Parameters
    ----------
    values
        ``(C, *shape)`` on the nodes.
    first
        Whole indices ``(..., d)`` of the first of the four nodes along each axis. A node beyond the
        grid stands for the one at its rim.
    weights
        Four of ``(..., d)``: of the nodes along each axis.

    Returns
    -------
    Tensor
        ``(..., C)``.
    """
    shape = values.shape[1:]
    flat = values.flatten(1)
    out = torch.zeros(*first.shape[:-1], len(values), dtype=values.dtype, device=values.device)
    for offsets in product(range(4), repeat=len(shape)):
        place = torch.zeros(first.shape[:-1], dtype=torch.int64, device=first.device)
        weight = torch.ones(first.shape[:-1], dtype=out.dtype, device=out.device)
        for axis, offset in enumerate(offsets):
            node = (first[..., axis] + offset).clamp(min=0, max=shape[axis] - 1)
            place = place * shape[axis] + node
            weight = weight * weights[offset][..., axis]
        out += weight.unsqueeze(-1) * flat[:, place].movedim(0, -1)
    return out
