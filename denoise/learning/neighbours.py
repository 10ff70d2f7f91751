"""Neighbor2Neighbor: two half-resolution images whose noise is independent, made from one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Neighbours:
    """Train on pairs of neighbouring voxels (Huang et al., CVPR 2021).

    From every cell of two voxels along each axis of the plane, two that touch are drawn: one
    sub-image predicts the other. ``gamma`` weighs what the two differ in without noise, as the
    denoised whole image shows it (eq. 6 and 7 there). No noise level is needed.

    Examples
    --------
    >>> from denoise.networks.unet import Shape, ResidualUNet
    >>> noisy, generator = torch.randn(1, 1, 8, 8), torch.Generator().manual_seed(0)
    >>> net = ResidualUNet(Shape(widths=(4, 4), strides=((2, 2),)))
    >>> bool(Neighbours().loss(net, noisy, 1.0, generator) > 0)
    True
    """

    gamma: float = 1.0

    def loss(
        self, network: nn.Module, noisy: Tensor, sigma: float, generator: torch.Generator
    ) -> Tensor:
        """The risk of the pair, and its regulariser, in units of sigma²."""
        one, other = drawn_pair(noisy.ndim - 2, generator)
        with torch.no_grad():
            whole = network(noisy).float()
        guess = network(sub_image(noisy, one)).float()
        apart = guess - sub_image(noisy, other)
        known = sub_image(whole, one) - sub_image(whole, other)
        risk = apart.square().mean() + self.gamma * (apart - known).square().mean()
        loss: Tensor = risk / sigma**2
        return loss

    def denoised(self, network: nn.Module, noisy: Tensor, sigma: float) -> Tensor:
        """The network on the whole image."""
        out: Tensor = network(noisy)
        return out.float()


def drawn_pair(dims: int, generator: torch.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Draw two touching voxels of a cell of 2 x 2 in the first two axes; returns their offsets.

    Examples
    --------
    >>> one, other = drawn_pair(3, torch.Generator().manual_seed(0))
    >>> sum(abs(a - b) for a, b in zip(one, other)), one[2]
    (1, 0)
    """
    corners = list(product((0, 1), (0, 1)))
    first = corners[int(torch.randint(4, (1,), generator=generator))]
    axis = int(torch.randint(2, (1,), generator=generator))
    second = tuple(1 - c if a == axis else c for a, c in enumerate(first))
    rest = (0,) * (dims - 2)
    return first + rest, second + rest


def sub_image(image: Tensor, offset: tuple[int, ...]) -> Tensor:
    """Take every second voxel of the first two spatial axes; odd ends are left out.

    Parameters
    ----------
    image
        ``(N, C, *spatial)``.
    offset
        The first voxel that is taken along those axes: 0 or 1 each.
    """
    rows, columns = (n - n % 2 for n in image.shape[2:4])
    return image[:, :, offset[0] : rows : 2, offset[1] : columns : 2]
