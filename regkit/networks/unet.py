"""UNet: two images in, a displacement out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from regkit.errors import InputError

DOWN = (2, 16, 32, 64, 256, 512)
UP = (16, 32, 64, 128, 256)
_INTO_UP = (48, 96, 192, 512, 512)
SCALE = 10.0

_CONV: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED: dict[int, Any] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_NORM: dict[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_POOL: dict[int, Any] = {2: functional.avg_pool2d, 3: functional.avg_pool3d}
_LINEAR = {2: "bilinear", 3: "trilinear"}


class UNet(nn.Module):
    """Five halvings and five doublings, each with a residual path that has no weights.

    A new network gives no displacement at all: its last convolution is zero.

    Parameters
    ----------
    ndim
        2 or 3.

    Raises
    ------
    InputError
        If ``ndim`` is neither.

    Notes
    -----
    The names of the parts are those of the released weights, whose network is ``tallUNet2`` of
    ``icon_registration``: 17.7 million weights in 3-D (Tian et al., GradICON, CVPR 2023).

    Examples
    --------
    >>> image = torch.rand(1, 1, 33, 20)
    >>> UNet(2)(image, image).shape
    torch.Size([1, 2, 33, 20])
    """

    def __init__(self, ndim: int = 3) -> None:
        super().__init__()
        if ndim not in _CONV:
            raise InputError(f"a network of {ndim} dimensions is not built; allowed: 2, 3")
        self.ndim = ndim
        # The capitals are the keys of the released state dictionaries.
        self.downConvs = nn.ModuleList(
            _CONV[ndim](c, d, 3, stride=2, padding=1) for c, d in pairwise(DOWN)
        )
        self.upConvs = nn.ModuleList(
            _TRANSPOSED[ndim](c, d, 4, stride=2, padding=1)
            for c, d in zip(_INTO_UP, UP, strict=True)
        )
        self.batchNorms = nn.ModuleList(_NORM[ndim](c) for c in UP)
        self.lastConv = _CONV[ndim](UP[0] + DOWN[0], ndim, 3, padding=1)
        nn.init.zeros_(self.lastConv.weight)
        nn.init.zeros_(self.lastConv.bias)

    def forward(self, moving: Tensor, fixed: Tensor) -> Tensor:
        """Images ``(B, 1, *shape)`` to a displacement ``(B, d, *shape)``.

        Its unit is the field of view: 1 leads from the first voxel centre of an axis to the last.
        """
        x = torch.cat([moving, fixed], dim=1)
        skips = []
        for down in self.downConvs:
            skips.append(x)
            y = down(functional.leaky_relu(x))
            x = y + widened(pooled(x), y.shape[1])
        for number in reversed(range(len(UP))):
            x = torch.cat([self._up(x, number, skips[number]), skips[number]], dim=1)
        out: Tensor = self.lastConv(x)
        return out / SCALE

    def _up(self, x: Tensor, number: int, like: Tensor) -> Tensor:
        """Double the resolution of ``x``, and crop what an odd size has too many."""
        double = functional.interpolate(
            x[:, : UP[number]], scale_factor=2, mode=_LINEAR[self.ndim], align_corners=False
        )
        y = self.batchNorms[number](self.upConvs[number](functional.leaky_relu(x)) + double)
        crop = (slice(None), slice(None), *(slice(n) for n in like.shape[2:]))
        out: Tensor = y[crop]
        return out


def pooled(images: Tensor) -> Tensor:
    """``(B, C, *shape)`` at half the resolution: means of two voxels an axis, of one at an end."""
    window = [min(n, 2) for n in images.shape[2:]]
    out: Tensor = _POOL[images.ndim - 2](images, window, stride=2, ceil_mode=True)
    return out


def widened(x: Tensor, channels: int) -> Tensor:
    """``x (B, C, *shape)`` with empty channels put before its own."""
    empty = x.new_zeros(x.shape[0], channels - x.shape[1], *x.shape[2:])
    return torch.cat([empty, x], dim=1)
