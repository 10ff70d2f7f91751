"""Rotated: four networks that each see one side of a voxel, and never the voxel itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class RotatedShape:
    """What a :class:`RotatedBlindSpot` is made of; it is written into files of weights.

    Parameters
    ----------
    widths
        Channels of each level, finest first; every step down halves both axes.
    inputs, centre
        Channels that go in, neighbouring slices; which of them is predicted.
    """

    widths: tuple[int, ...] = (16, 32, 64)
    inputs: int = 1
    centre: int = 0

    @property
    def multiple(self) -> tuple[int, int]:
        """What the length of each axis is padded to a multiple of."""
        return (2 ** (len(self.widths) - 1),) * 2

    @property
    def reach(self) -> tuple[int, int]:
        """How far from a voxel its result may depend on, along each axis."""
        last = len(self.widths) - 1
        # Two convolutions down and two up at a level, two at the coarsest, of two rows each; a
        # row for every step down.
        rows = sum((8 if level < last else 4) * 2**level + 2**level for level in range(last + 1))
        return (rows + self.multiple[0],) * 2


class RotatedBlindSpot(nn.Module):
    """The blind spot of Laine et al. (NeurIPS 2019, fig. 2), in two dimensions.

    One U-Net whose rows depend on rows above alone is applied to the image in four turns, each
    result moved by one row, so that together they see everything but the voxel. Two outputs, as
    those of :class:`~denoise.networks.blindspot.BlindSpot`.

    Examples
    --------
    >>> net = RotatedBlindSpot(RotatedShape((4, 4)))
    >>> image = torch.randn(1, 1, 9, 7)
    >>> changed = image.clone()
    >>> changed[0, 0, 4, 3] += 1
    >>> bool((net(image) == net(changed))[0, :, 4, 3].all())
    True
    """

    def __init__(self, shape: RotatedShape, outputs: int = 2) -> None:
        super().__init__()
        self.shape = shape
        w = shape.widths
        pairs = list(pairwise(w))
        self.entrance = _Upward(shape.inputs, w[0])
        self.down = nn.ModuleList(_Upward(a, b) for a, b in pairs)
        self.up = nn.ModuleList(_Upward(a + b, a) for a, b in pairs)
        self.mix = nn.Sequential(
            nn.Conv2d(4 * w[0], 2 * w[0], 1), nn.ReLU(), nn.Conv2d(2 * w[0], outputs, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(N, inputs, i, j)`` to ``(N, outputs, i, j)``."""
        rows, columns = x.shape[2:]
        whole = _filled(x, self.shape.multiple)
        sides = [
            torch.rot90(_lowered(self._above(torch.rot90(whole, turn, (2, 3)))), -turn, (2, 3))
            for turn in range(4)
        ]
        out: Tensor = self.mix(torch.cat(sides, 1))
        return out[:, :, :rows, :columns]

    def _above(self, x: Tensor) -> Tensor:
        """A U-Net whose result in a row depends on that row and those above."""
        levels = [self.entrance(x)]
        for down in self.down:
            levels.append(down(functional.max_pool2d(_lowered(levels[-1]), 2)))
        out = levels.pop()
        for up in reversed(self.up):
            wide = functional.interpolate(out, scale_factor=2, mode="nearest")
            out = up(torch.cat([levels.pop(), wide], 1))
        found: Tensor = out
        return found


class _Upward(nn.Module):
    """Two convolutions that look up."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(into, out, 3), nn.Conv2d(out, out, 3)

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.first, self.second):
            x = functional.relu(layer(functional.pad(x, (1, 1, 2, 0))))
        return x


def _lowered(x: Tensor) -> Tensor:
    """Every row one further down; the last is lost."""
    return functional.pad(x, (0, 0, 1, 0))[:, :, :-1]


def _filled(x: Tensor, multiple: Sequence[int]) -> Tensor:
    """Zeros up to a multiple: repeated voxels would be seen from beyond the border."""
    missing = [-n % m for n, m in zip(x.shape[2:], multiple, strict=True)]
    return functional.pad(x, (0, missing[1], 0, missing[0]))
