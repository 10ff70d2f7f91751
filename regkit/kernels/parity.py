"""Resolution against channels: the voxels of a block of two an axis, in one voxel's channels.

The parities of a voxel's index, one an axis, come before the channels that it has. In PyTorch
alone: a compiled loop was no faster in a run of one pair.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional


def space_to_depth(images: Tensor) -> Tensor:
    """Move ``(B, C, *shape)`` to half the resolution, as ``(B, 2**d C, *half)``, channels last.

    Where a size is odd, zeros fill the last block.

    Examples
    --------
    >>> import torch
    >>> space_to_depth(torch.arange(4.0).reshape(1, 1, 2, 2)).flatten().tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    n = images.ndim - 2
    padding = [k for size in reversed(images.shape[2:]) for k in (0, size % 2)]
    even = functional.pad(images, padding)
    split = even.reshape(*even.shape[:2], *(k for size in even.shape[2:] for k in (size // 2, 2)))
    order = (0, *range(2, 2 + 2 * n, 2), *range(3, 3 + 2 * n, 2), 1)
    return split.permute(order).flatten(n + 1).movedim(-1, 1)


def depth_to_space(blocks: Tensor, channels: int, shape: Sequence[int]) -> Tensor:
    """Undo :func:`space_to_depth`: bring blocks of two voxels an axis back to full resolution.

    Parameters
    ----------
    blocks
        ``(B, 2**d C or more, *half)``; channels beyond the first ``2**d C`` are left out.
    channels
        ``C``, the channels of one voxel.
    shape
        The full resolution; voxels that filled an odd size are cropped.

    Returns
    -------
    Tensor
        ``(B, C, *shape)``.
    """
    n = len(shape)
    rows = blocks.movedim(1, -1)
    split = rows[..., : 2**n * channels].reshape(*rows.shape[:-1], *[2] * n, channels)
    order = (0, *(axis for k in range(n) for axis in (1 + k, 1 + n + k)), 1 + 2 * n)
    fine = split.permute(order).reshape(len(rows), *(2 * m for m in rows.shape[1:-1]), channels)
    return fine[(slice(None), *map(slice, shape))].contiguous().movedim(-1, 1)
