"""Soft Dice loss of label maps."""

from __future__ import annotations

import torch
from torch import Tensor


def dice_loss(fixed: Tensor, warped: Tensor, mask: Tensor | None = None) -> Tensor:
    """``1 - mean(dice)`` over channels.

    Parameters
    ----------
    fixed, warped
        Memberships in [0, 1], one channel a structure, ``(C, *spatial)``.
    mask
        ``(*spatial)`` weights.

    Examples
    --------
    >>> float(dice_loss(torch.ones(2, 4, 4), torch.ones(2, 4, 4)))
    0.0
    """
    weight = torch.ones_like(fixed[0]) if mask is None else mask.to(fixed.dtype)
    axes = tuple(range(1, fixed.ndim))
    common = (weight * fixed * warped).sum(axes)
    both = (weight * (fixed + warped)).sum(axes)
    return 1 - (2 * common / both.clamp(min=1e-6)).mean()
