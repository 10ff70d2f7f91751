"""The network of deepbet, written out, so that its layers can be looked at."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

_WIDTHS = (16, 16, 32, 64, 128)


class LinkNet3D(nn.Module):
    """A residual encoder and a light decoder whose skips are added.

    It computes bit for bit what the TorchScript of deepbet 1.0.2 does (Fisch et al., 2024), whose
    ``state_dict`` it loads.
    """

    def __init__(self) -> None:
        super().__init__()
        pairs = list(pairwise(_WIDTHS))
        self.init = nn.Sequential(
            nn.Conv3d(1, 16, 7, 2, 3, bias=False),
            nn.InstanceNorm3d(16),
            nn.ReLU(),
            nn.MaxPool3d(3, 2, 1),
        )
        for n, (taken, made) in enumerate(pairs):
            self.add_module(f"down{n}", _Down(taken, made))
        for n, (made, taken) in enumerate(reversed(pairs)):
            self.add_module(f"up{n}", _Up(taken, made, stride=1 if taken == made else 2))
        up = nn.ConvTranspose3d(16, 8, 3, 2, 1, 1)
        self.tp_conv1 = nn.Sequential(up, nn.InstanceNorm3d(8), nn.ReLU())
        conv = nn.Conv3d(8, 8, 3, 1, 1)
        self.conv = nn.Sequential(conv, nn.InstanceNorm3d(8), nn.ReLU())
        self.tp_conv2 = nn.ConvTranspose3d(8, 2, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Turn ``(N, 1, i, j, k)``, sides that 32 divides, into ``(N, 2, i, j, k)``: 1 is brain."""
        skips = [self.init(x)]
        for n in range(4):
            skips.append(self.get_submodule(f"down{n}")(skips[-1]))
        found = skips.pop()
        for n in range(4):
            found = self.get_submodule(f"up{n}")(found) + skips.pop()
        return torch.softmax(self.tp_conv2(self.conv(self.tp_conv1(found))), 1)


class _Down(nn.Module):
    def __init__(self, taken: int, made: int) -> None:
        super().__init__()
        self.block1, self.block2 = _Residual(taken, made), _Residual(made, made)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.block2(self.block1(x))
        return found


class _Residual(nn.Module):
    def __init__(self, taken: int, made: int) -> None:
        super().__init__()
        stride = 1 if taken == made else 2
        self.double_conv = nn.Sequential(
            nn.Conv3d(taken, made, 3, stride, 1, bias=False),
            nn.InstanceNorm3d(made),
            nn.ReLU(),
            nn.Conv3d(made, made, 3, 1, 1, bias=False),
            nn.InstanceNorm3d(made),
        )
        self.downsample = (
            nn.Identity()
            if stride == 1
            else nn.Sequential(
                nn.Conv3d(taken, made, 1, stride, bias=False), nn.InstanceNorm3d(made)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.double_conv(x) + self.downsample(x))


class _Up(nn.Module):
    def __init__(self, taken: int, made: int, *, stride: int) -> None:
        super().__init__()
        inner = taken // 4
        self.conv1 = _normed(nn.Conv3d(taken, inner, 1, bias=False), inner)
        up = nn.ConvTranspose3d(inner, inner, 3, stride, 1, stride - 1, bias=False)
        self.tp_conv = _normed(up, inner)
        self.conv2 = _normed(nn.Conv3d(inner, made, 1, bias=False), made)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.conv2(self.tp_conv(self.conv1(x)))
        return found


def _normed(layer: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(layer, nn.InstanceNorm3d(channels), nn.ReLU())
