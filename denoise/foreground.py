"""Where an image has something in it, and which of its axes is which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import binary_dilation, binary_opening
from torch import Tensor

_PLATEAU = 0.02
_RIM = 3  # voxels


def foreground_mask(image: Tensor) -> Tensor:
    """Mark all voxels but a background of one value: the lowest of the image, or 0.

    Noise makes values below 0 where it was added to a body and not to what was set to 0 around it.
    Of voxels of 0 only those count that lie side by side: noise of whole numbers has single ones.

    Examples
    --------
    >>> foreground_mask(torch.tensor([0.0, 0.0, 3.0, 5.0]))
    tensor([False, False,  True,  True])
    >>> foreground_mask(torch.tensor([1.0, 2.0, 3.0, 5.0]))
    tensor([True, True, True, True])
    >>> foreground_mask(torch.tensor([0.0, 0.0, 0.0, -1.0, 0.0, 3.0]))
    tensor([False, False, False,  True,  True,  True])
    """
    lowest = image == image.min()
    background = lowest if _is_plateau(lowest) else _side_by_side(image == 0)
    inside = ~background if _is_plateau(background) else torch.ones_like(lowest)
    return inside if bool(inside.any()) else torch.ones_like(lowest)


def _is_plateau(background: Tensor) -> bool:
    return int(background.sum()) > max(1, _PLATEAU * background.numel())


def _side_by_side(zero: Tensor) -> Tensor:
    """Those voxels that belong to a block of 3 along each axis, or are the rim of such blocks."""
    if not bool(zero.any()):
        return zero
    wide = np.pad(zero.numpy(), 1, mode="edge")
    size = tuple(min(3, n) for n in zero.shape)
    opened = binary_opening(wide, np.ones(size, dtype=bool))
    whole = binary_dilation(opened, iterations=_RIM, mask=wide)
    return torch.from_numpy(whole[tuple(slice(1, -1) for _ in zero.shape)])


def slices_last(spacing: Sequence[float], shape: Sequence[int]) -> tuple[int, ...]:
    """Order the axes so that the one of the thickest voxels, or the shortest one, is the last.

    Examples
    --------
    >>> slices_last((4.0, 1.0, 1.0), (20, 64, 64))
    (1, 2, 0)
    >>> slices_last((1.0, 1.0, 1.0), (64, 20, 64))
    (0, 2, 1)
    >>> slices_last((1.0, 1.5, 1.0), (64, 48, 1))
    (0, 1, 2)
    """

    def rank(axis: int) -> tuple[bool, float, int, int]:
        ratio = round(spacing[axis] / min(spacing), 1)
        return shape[axis] == 1, ratio, -shape[axis], axis

    axes = range(len(shape))
    last = max(axes, key=rank)
    return (*(a for a in axes if a != last), last)
