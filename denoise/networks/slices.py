"""Slices: a network of two dimensions on a volume, slice by slice, with its neighbours."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Slices(nn.Module):
    """Two dimensions, or two and a half: every slice is seen with ``beside`` others on each side.

    Slices lie along the last axis. Beyond the ends they are mirrored, so that no slice is its own
    neighbour: for a blind spot that would be a leak.

    Parameters
    ----------
    planar
        A network of ``2 * beside + 1`` inputs in two dimensions; its centre is input ``beside``.
    beside
        Neighbours on each side.

    Examples
    --------
    >>> import torch
    >>> from denoise.networks.unet import Shape, ResidualUNet
    >>> net = Slices(ResidualUNet(Shape((4, 4), ((2, 2),), inputs=3, centre=1)), beside=1)
    >>> net(torch.randn(2, 1, 8, 6, 5)).shape
    torch.Size([2, 1, 8, 6, 5])
    """

    def __init__(self, planar: nn.Module, beside: int) -> None:
        super().__init__()
        self.planar, self.beside = planar, beside

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 1, i, j, k)`` to ``(N, outputs, i, j, k)``."""
        batch, _, *_, depth = x.shape
        k = self.beside
        around = functional.pad(x, (k, k, 0, 0, 0, 0), mode="reflect") if k else x
        stacks = around.unfold(4, 2 * k + 1, 1).permute(0, 4, 1, 5, 2, 3)
        out: Tensor = self.planar(stacks.reshape(batch * depth, 2 * k + 1, *x.shape[2:4]))
        return out.reshape(batch, depth, *out.shape[1:]).permute(0, 2, 3, 4, 1)
