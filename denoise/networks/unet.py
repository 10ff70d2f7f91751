"""UNet: a residual U-Net in two or three dimensions, for any shape of image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from torch import Tensor, nn
from torch.nn import functional

from denoise.networks.layers import ResidualBlock, convolution, downward, to_channels_last, upward


@dataclass(frozen=True)
class Shape:
    """What a :class:`ResidualUNet` is made of; it is written into files of weights.

    Parameters
    ----------
    widths
        Channels of each level, finest first.
    strides
        By how much each step down shrinks every axis, one tuple a step; its length is the number
        of axes.
    inputs
        Channels that go in. The first is the one that is denoised.
    centre
        Which input channel the result is added to: the middle one of neighbouring slices.
    """

    widths: tuple[int, ...] = (16, 32, 64)
    strides: tuple[tuple[int, ...], ...] = ((2, 2, 2), (2, 2, 2))
    inputs: int = 1
    centre: int = 0

    @property
    def dims(self) -> int:
        """Number of axes."""
        return len(self.strides[0])

    @property
    def multiple(self) -> tuple[int, ...]:
        """What the length of each axis is padded to a multiple of."""
        return tuple(prod(axis) for axis in zip(*self.strides, strict=True))

    @property
    def reach(self) -> tuple[int, ...]:
        """How far from a voxel its result may depend on, along each axis."""
        steps = [[prod(column[:level]) for column in zip(*self.strides, strict=True)]
                 if level else [1] * self.dims for level in range(len(self.widths))]  # fmt: skip
        # Two convolutions down and two up at a level, two at the coarsest, one at the end.
        down = [sum((4 if n < len(steps) - 1 else 2) * s[axis] for n, s in enumerate(steps))
                for axis in range(self.dims)]  # fmt: skip
        return tuple(1 + d + m for d, m in zip(down, self.multiple, strict=True))


class ResidualUNet(nn.Module):
    """Predicts what to add to its input; nothing, before it is trained.

    No normalisation layers: they would tie the result at a voxel to the whole tile.

    Examples
    --------
    >>> import torch
    >>> net = ResidualUNet(Shape(widths=(4, 8), strides=((2, 2, 1),)))
    >>> image = torch.randn(1, 1, 9, 7, 5)
    >>> bool((net(image) == image).all())
    True
    """

    def __init__(self, shape: Shape, outputs: int = 1) -> None:
        super().__init__()
        self.shape = shape
        widths, dims = shape.widths, shape.dims
        pairs = list(zip(widths[:-1], widths[1:], shape.strides, strict=True))
        self.entrance = ResidualBlock(dims, (shape.inputs, widths[0]))
        self.down = nn.ModuleList(downward((a, b), s) for a, b, s in pairs)
        self.left = nn.ModuleList(ResidualBlock(dims, (b, b)) for _, b, _ in pairs)
        self.up = nn.ModuleList(upward((b, a), s) for a, b, s in pairs)
        self.right = nn.ModuleList(ResidualBlock(dims, (a, a)) for a, _, _ in pairs)
        self.last = convolution(dims, (widths[0], outputs))
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, inputs, *spatial)`` to ``(N, outputs, *spatial)``."""
        size = x.shape[2:]
        centre = x[:, self.shape.centre : self.shape.centre + 1]
        return (
            centre
            + self._change(to_channels_last(pad_to_multiple(x, self.shape.multiple)))[_crop(size)]
        )

    def _change(self, x: Tensor) -> Tensor:
        levels = [self.entrance(x)]
        for down, left in zip(self.down, self.left, strict=True):
            levels.append(left(down(levels[-1])))
        out = levels.pop()
        for up, right in zip(reversed(self.up), reversed(self.right), strict=True):
            out = right(up(out) + levels.pop())
        changed: Tensor = self.last(out)
        return changed


def pad_to_multiple(x: Tensor, multiple: Sequence[int]) -> Tensor:
    """Repeat the last voxels of ``x (N, C, *spatial)`` up to a multiple along every axis."""
    missing = [-n % m for n, m in zip(x.shape[2:], multiple, strict=True)]
    if not any(missing):
        return x
    pad = [amount for m in reversed(missing) for amount in (0, m)]
    return functional.pad(x, pad, mode="replicate")


def _crop(size: Sequence[int]) -> tuple[slice, ...]:
    return (slice(None), slice(None), *(slice(0, n) for n in size))
