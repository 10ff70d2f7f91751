"""How a map becomes a few numbers: over all of it, over structures, or over the cells of a grid."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from regkit.errors import InputError
from regkit.volume import Labels, Volume

_GRID = re.compile(r"grid:([1-9]\d?)")
_POOLS = {2: functional.adaptive_avg_pool2d, 3: functional.adaptive_avg_pool3d}
PooledValues = Callable[[Volume, Labels | None], Tensor]


@dataclass(frozen=True)
class PoolingMethod:
    """A way from a map to numbers.

    Parameters
    ----------
    name
        As a user writes it.
    pool
        A map ``(C, *spatial)`` and structures in the same world to numbers ``(n,)``.
    needs_structures
        Whether it pools over structures.
    spread
        Weights ``(n,)`` to a picture: what each place of a map adds to the sum, ``(1, *spatial)``;
        None where the pooling is not linear, so that no place has a share of its own.
    """

    name: str
    pool: PooledValues
    needs_structures: bool = False
    spread: Callable[[Volume, Labels | None, Tensor], Volume] | None = None


def pooling_called(name: str) -> PoolingMethod:
    """Return the pooling ``mean``, ``std``, ``max``, ``roi`` or ``grid:N``.

    ``roi`` takes the mean in every structure; ``grid:N`` that in every one of ``N`` cells an axis.

    Raises
    ------
    InputError
        If there is none of that name.

    Examples
    --------
    >>> import numpy as np
    >>> picture = Volume(torch.arange(4.0).reshape(1, 2, 2), np.eye(3))
    >>> pooling_called("grid:1").pool(picture, None).tolist()
    [1.5]
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    found = _GRID.fullmatch(name)
    if found is None:
        raise InputError(f"pooling {name!r}: allowed: {', '.join(_BY_NAME)}, grid:N")
    count = int(found[1])
    return PoolingMethod(
        name,
        lambda map_, _: _cells(map_.data, count).flatten(),
        spread=lambda map_, _, weights: _spread_cells(map_, weights, count),
    )


def _mean(found: Volume, _: Labels | None) -> Tensor:
    return found.data.flatten(1).mean(1)


def _std(found: Volume, _: Labels | None) -> Tensor:
    return found.data.flatten(1).std(1, correction=0)


def _max(found: Volume, _: Labels | None) -> Tensor:
    return found.data.flatten(1).amax(1)


def _cells(data: Tensor, count: int) -> Tensor:
    pooled: Tensor = _POOLS[data.ndim - 1](data, count)
    return pooled


def _shares(found: Volume, structures: Labels | None) -> Tensor:
    """The share of every voxel in the mean of each structure, ``(structures, voxels)``.

    A coarse map may have no voxel whose centre lies in a small structure: then every voxel counts
    by how much of the structure it holds.
    """
    if structures is None:
        raise InputError("pooling roi: needs structures; name them as `structures`")
    fine, size = structures.data[0], math.prod(found.shape)
    index = found.grid.to_index(structures.grid.world_points()).round().long()
    strides = torch.tensor([math.prod(found.shape[n + 1 :]) for n in range(fine.ndim)])
    inside = ((index >= 0) & (index < torch.tensor(found.shape))).all(-1)
    where = (index * strides).sum(-1)
    counts = [
        torch.bincount(where[inside & (fine == value)], minlength=size)
        for value in structures.values
    ]
    for value, each in zip(structures.values, counts, strict=True):
        if not each.any():
            raise InputError(f"{structures.name}: structure {value} lies outside what is shown")
    return torch.stack([each / each.sum() for each in counts]).double()


def _roi(found: Volume, structures: Labels | None) -> Tensor:
    flat = found.data.flatten(1).double()
    return (_shares(found, structures) @ flat.T).float().flatten()  # by structure, then channel


def _spread_mean(found: Volume, _: Labels | None, weights: Tensor) -> Volume:
    total = torch.einsum("c,c...->...", weights.to(found.data), found.data)
    return found.with_data(total[None] / total.numel())


def _spread_roi(found: Volume, structures: Labels | None, weights: Tensor) -> Volume:
    shares = _shares(found, structures)
    by_structure = weights.double().reshape(len(shares), -1)
    flat = found.data.flatten(1).double()
    total = ((by_structure @ flat) * shares).sum(0)
    return found.with_data(total.float().reshape(1, *found.shape))


def _spread_cells(found: Volume, weights: Tensor, count: int) -> Volume:
    """By the gradient of the weighted sum: a linear pooling is its own gradient."""
    data = found.data.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        total = (_cells(data, count).flatten() * weights.to(data)).sum()
        (slope,) = torch.autograd.grad(total, data)
    return found.with_data((slope * found.data).sum(0, keepdim=True))


_BY_NAME = {
    "mean": PoolingMethod("mean", _mean, spread=_spread_mean),
    "std": PoolingMethod("std", _std),
    "max": PoolingMethod("max", _max),
    "roi": PoolingMethod("roi", _roi, needs_structures=True, spread=_spread_roi),
}
