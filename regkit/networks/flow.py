"""Begin a first layer as optical flow, which a network would have to find otherwise."""

from __future__ import annotations

import math
from functools import reduce
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from regkit.errors import InputError
from regkit.networks.unet import UNet

_BLUR, _SLOPE = (0.25, 0.5, 0.25), (-0.5, 0.0, 0.5)
_DIFFERENCE, _GAIN = 0.7, 4.0
_SPREAD = 0.8  # of He's standard deviation, for layers with a path around them


@torch.no_grad()
def begin_as_flow(net: UNet) -> None:
    """Set the first convolution of a new network, and draw the others but the last anew.

    Along each axis, optical flow is the difference of the images times their slope (Lucas and
    Kanade, IJCAI 1981). Of four channels with ``± difference ± slope`` a rectifier makes parts
    whose sum is that product's sign and size.

    Raises
    ------
    InputError
        If the first convolution has fewer than four channels an axis.
    """
    first: Any = net.downConvs[0]
    if len(first.weight) < 4 * net.ndim:
        raise InputError(
            f"first: flow needs {4 * net.ndim} channels after the first halving, not "
            f"{len(first.weight)}; make down wider, or begin with first: random"
        )
    parts: tuple[Any, ...] = (*net.downConvs, *net.upConvs)
    for part in parts:
        taps = part.in_channels * math.prod(part.kernel_size) / math.prod(_overlap(part))
        nn.init.normal_(part.weight, std=_SPREAD * math.sqrt(2 / taps))
        nn.init.zeros_(part.bias)
    signs = list(product((1, -1), repeat=2))
    for axis in range(net.ndim):
        blur = _kernel([_BLUR] * net.ndim)
        slope = _kernel([_SLOPE if a == axis else _BLUR for a in range(net.ndim)])
        for number, (up, down) in enumerate(signs):
            channel = first.weight[len(signs) * axis + number]
            channel[0] = _GAIN * (up * _DIFFERENCE * blur + down * slope)  # of moving
            channel[1] = _GAIN * (-up * _DIFFERENCE * blur + down * slope)  # of fixed


def _overlap(part: nn.Module) -> tuple[int, ...]:
    """Say into how many outputs of a transposed convolution its taps are shared along each axis."""
    return part.stride if isinstance(part, nn.ConvTranspose2d | nn.ConvTranspose3d) else (1,)


def _kernel(axes: list[tuple[float, ...]]) -> Tensor:
    return reduce(lambda a, b: a[..., None] * torch.tensor(b), axes[1:], torch.tensor(axes[0]))
