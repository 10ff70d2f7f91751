"""Soft Dice loss of label maps."""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST = 1e-6  # voxels; a structure that neither map has is no disagreement


def dice_loss(fixed: Tensor, warped: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return ``1 - mean(dice)`` over channels, ``dice = 2 sum(f w) / (sum(f^2) + sum(w^2))``.

    Where memberships are blurred, it is 0 for maps that are equal, and for no others.

    Parameters
    ----------
    fixed, warped
        Memberships in [0, 1], one channel a structure, ``(C, *spatial)``.
    mask
        ``(*spatial)`` weights.

    Notes
    -----
    Milletari et al., V-Net, 3DV 2016, eq. 2.

    Examples
    --------
    >>> float(dice_loss(torch.ones(2, 4, 4), torch.ones(2, 4, 4)))
    0.0
    """
    common, both = _sums(fixed, warped, _weight(fixed, mask))
    return 1 - (2 * common / both).mean()


def dice_slope(fixed: Tensor, warped: Tensor, mask: Tensor | None = None) -> tuple[float, Tensor]:
    """Return :func:`dice_loss` and its gradient by ``warped``, in the memory of the gradient alone.

    Parameters
    ----------
    fixed, warped
        Memberships in [0, 1], one channel a structure, ``(C, *spatial)``.
    mask
        ``(*spatial)`` weights.

    Returns
    -------
    loss, gradient
        The value, and ``d loss / d warped``, ``(C, *spatial)``.
    """
    weight = _weight(fixed, mask)
    slope, total, count = torch.empty_like(warped), 0.0, len(fixed)
    for channel in range(count):
        f, w = fixed[channel : channel + 1], warped[channel : channel + 1]
        common, both = (float(each) for each in _sums(f, w, weight))
        total += 2 * common / both
        torch.mul(w[0], 4 * common / (count * both**2), out=slope[channel])
        slope[channel].sub_(f[0], alpha=2 / (count * both)).mul_(weight)
    return 1 - total / count, slope


def _weight(fixed: Tensor, mask: Tensor | None) -> Tensor:
    return torch.ones_like(fixed[0]) if mask is None else mask.to(fixed.dtype)


def _sums(fixed: Tensor, warped: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Sum, channel by channel, what both maps have in common and what they have together."""
    axes = tuple(range(1, fixed.ndim))
    both = (weight * (fixed.square() + warped.square())).sum(axes)
    return (weight * fixed * warped).sum(axes), both.clamp(min=_LEAST)
