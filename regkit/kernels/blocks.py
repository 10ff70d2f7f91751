"""Distances of blocks between two images of descriptors, at many places."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from regkit.kernels.backend import loops_apply
from regkit.kernels.cpu import loops


def block_distances(
    fixed: Tensor,
    moving: Tensor,
    weight: Tensor,
    shifts: Sequence[tuple[int, ...]],
    size: Sequence[int],
) -> Tensor:
    """Compare every block of one image with another one at shifted places.

    Parameters
    ----------
    fixed, moving
        ``(C, I, J, K)``; beyond its border ``moving`` goes on as it ends.
    weight
        ``(I, J, K)``: how much each voxel counts.
    shifts
        The places, in voxels along the three axes.
    size
        Of a block, in voxels along the three axes; what is left over at the end of an axis is in
        no block.

    Returns
    -------
    Tensor
        ``(places, *blocks)``: the mean over a block and its channels of the squared difference
        times the weight.
    """
    pad = max((abs(step) for shift in shifts for step in shift), default=0)
    wide = functional.pad(moving[None], [pad] * 6, mode="replicate")[0]
    corners = torch.tensor(shifts, dtype=torch.int64) + pad
    if not loops_apply(fixed, moving, weight):
        return distances_reference(fixed, wide, weight, corners, size)
    blocks = [n // m for n, m in zip(weight.shape, size, strict=True)]
    out = fixed.new_empty(len(shifts), *blocks)
    i, j, k = (slice(m * n) for m, n in zip(size, blocks, strict=True))
    used = fixed[:, i, j, k], wide, weight[i, j, k]
    arrays = [tensor.contiguous().numpy() for tensor in used]
    loops.block_distances(*arrays, corners.numpy(), out.numpy())
    return out


def distances_reference(
    fixed: Tensor, wide: Tensor, weight: Tensor, corners: Tensor, size: Sequence[int]
) -> Tensor:
    """Return what :func:`block_distances` does, in PyTorch.

    Parameters
    ----------
    fixed, weight, size
        As there.
    wide
        ``(C, *padded)``: the other image with what lies beyond its border.
    corners
        ``(places, 3)``: where in ``wide`` the first voxel of fixed is compared.
    """
    found = []
    for corner in corners.tolist():
        window = (slice(at, at + n) for at, n in zip(corner, weight.shape, strict=True))
        apart = (fixed - wide[(slice(None), *window)]).square_().mean(0) * weight
        found.append(functional.avg_pool3d(apart[None, None], list(size))[0, 0])
    return torch.stack(found)
