"""Where an image has something in it, and which of its axes is which."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_PLATEAU = 0.02


def content(image: Tensor) -> Tensor:
    """True but on a background that was set to one value, the lowest of the image.

    Examples
    --------
    >>> content(torch.tensor([0.0, 0.0, 3.0, 5.0]))
    tensor([False, False,  True,  True])
    >>> content(torch.tensor([1.0, 2.0, 3.0, 5.0]))
    tensor([True, True, True, True])
    """
    lowest = image == image.min()
    plateau = int(lowest.sum()) > max(1, _PLATEAU * image.numel())
    inside = ~lowest if plateau else torch.ones_like(lowest)
    return inside if bool(inside.any()) else torch.ones_like(lowest)


def slices_last(spacing: Sequence[float], shape: Sequence[int]) -> tuple[int, ...]:
    """The order of axes in which that of the thickest voxels, or the shortest one, is the last.

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
