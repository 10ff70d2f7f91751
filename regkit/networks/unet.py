"""UNet: take two images to a displacement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from regkit.errors import InputError

SCALE = 10.0

_CONV: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED: dict[int, Any] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_NORM: dict[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_POOL: dict[int, Any] = {2: functional.avg_pool2d, 3: functional.avg_pool3d}
_LINEAR = {2: "bilinear", 3: "trilinear"}


@dataclass(frozen=True)
class Widths:
    """The channels of a :class:`UNet`, those of the released weights unless told otherwise.

    Parameters
    ----------
    down
        Of the two images, then after every halving; never fewer than before.
    up
        After the doubling to full resolution, then to half of it, and so on. Where it has one
        less, the last doubling is left out, and the displacement is at half the resolution.

    Raises
    ------
    InputError
        If they do not fit each other.

    Examples
    --------
    >>> Widths((2, 8, 16), (8, 8)).into_up
    (16, 16)
    >>> Widths((2, 8, 16), (8,)).reduced
    1
    """

    down: tuple[int, ...] = (2, 16, 32, 64, 256, 512)
    up: tuple[int, ...] = (16, 32, 64, 128, 256)

    def __post_init__(self) -> None:
        steps = self.reduced in (0, 1) and list(self.down) == sorted(self.down)
        narrower = all(up <= into for up, into in zip(self.up, self.into_up, strict=False))
        if not steps or not narrower or self.down[0] != 2 or min(self.up, default=0) < 1:
            raise InputError(
                f"widths down {self.down} and up {self.up} make no network; down begins with 2 and "
                "never falls, up has one or two less and never more channels than go into it"
            )

    @classmethod
    def of(cls, state: Mapping[str, Tensor], prefix: str) -> Self:
        """Read the widths off trained weights, whose names begin with ``prefix``."""
        downs, ups = _channels(state, f"{prefix}downConvs"), _channels(state, f"{prefix}upConvs")
        first = state[f"{prefix}downConvs.0.weight"].shape[1]
        return cls((first, *downs), ups)

    @property
    def reduced(self) -> int:
        """The number of halvings without a doubling: 1 where the displacement is at half size."""
        return len(self.down) - 1 - len(self.up)

    @property
    def into_up(self) -> tuple[int, ...]:
        """The channels that go into each doubling: of the one before, and of the skip beside it."""
        beside = self.down[1 + self.reduced : -1]
        joined = [u + d for u, d in zip(self.up[1:], beside, strict=False)]
        return (*joined, self.down[-1])


def _channels(state: Mapping[str, Tensor], part: str) -> tuple[int, ...]:
    found: list[int] = []
    while (bias := state.get(f"{part}.{len(found)}.bias")) is not None:
        found.append(len(bias))
    return tuple(found)


class UNet(nn.Module):
    """A U-Net of halvings and doublings, each with a residual path that has no weights.

    A new network gives no displacement at all: its last convolution is zero.

    Parameters
    ----------
    ndim
        2 or 3.
    widths
        Its channels; as many halvings as they tell.

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
    >>> UNet(2, Widths((2, 8, 16), (8,)))(image, image).shape
    torch.Size([1, 2, 17, 10])
    """

    def __init__(self, ndim: int = 3, widths: Widths | None = None) -> None:
        super().__init__()
        if ndim not in _CONV:
            raise InputError(f"a network of {ndim} dimensions is not built; allowed: 2, 3")
        self.ndim = ndim
        self.widths = widths = widths or Widths()
        down, up = widths.down, widths.up
        # The capitals are the keys of the released state dictionaries.
        self.downConvs = nn.ModuleList(
            _CONV[ndim](c, d, 3, stride=2, padding=1) for c, d in pairwise(down)
        )
        self.upConvs = nn.ModuleList(
            _TRANSPOSED[ndim](c, d, 4, stride=2, padding=1)
            for c, d in zip(widths.into_up, up, strict=True)
        )
        self.batchNorms = nn.ModuleList(_NORM[ndim](c) for c in up)
        self.lastConv = _CONV[ndim](up[0] + down[widths.reduced], ndim, 3, padding=1)
        nn.init.zeros_(self.lastConv.weight)
        nn.init.zeros_(self.lastConv.bias)

    def forward(self, moving: Tensor, fixed: Tensor) -> Tensor:
        """Take images ``(B, 1, *shape)`` to a displacement ``(B, d, *shape)``, or at half of it.

        Its unit is the field of view: 1 leads from the first voxel centre of an axis to the last.
        """
        x = torch.cat([moving, fixed], dim=1)
        skips = []
        for down in self.downConvs:
            skips.append(x)
            y = halve(down, functional.leaky_relu(x))
            x = y + widen_channels(mean_pool(x), y.shape[1])
        for number, skip in reversed(list(enumerate(skips[self.widths.reduced :]))):
            x = torch.cat([self._up(x, number, skip), skip], dim=1)
        out: Tensor = self.lastConv(x)
        return out / SCALE

    def _up(self, x: Tensor, number: int, like: Tensor) -> Tensor:
        """Double the resolution of ``x``, and crop what an odd size has too many."""
        double = functional.interpolate(
            x[:, : self.widths.up[number]],
            scale_factor=2,
            mode=_LINEAR[self.ndim],
            align_corners=False,
        )
        y = self.batchNorms[number](self.upConvs[number](functional.leaky_relu(x)) + double)
        crop = (slice(None), slice(None), *(slice(n) for n in like.shape[2:]))
        out: Tensor = y[crop]
        return out


def halve(conv: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Convolve ``x (B, C, *shape)`` with stride 2 and width 3, with zeros around it.

    Where one voxel comes out of the last axis, oneDNN 3.12 reads in bfloat16 what nobody wrote.
    So two come out, of which one sees mere padding.
    """
    n = x.shape[-1]
    wide = functional.pad(x, (0, 3 - n)) if n < 3 else x
    return conv(wide)[..., : (n + 1) // 2]


def mean_pool(images: Tensor) -> Tensor:
    """Halve the resolution of ``(B, C, *shape)``: means of two voxels an axis, of one at an end."""
    window = [min(n, 2) for n in images.shape[2:]]
    out: Tensor = _POOL[images.ndim - 2](images, window, stride=2, ceil_mode=True)
    return out


def widen_channels(x: Tensor, channels: int) -> Tensor:
    """Put empty channels before those of ``x (B, C, *shape)``, up to ``channels`` in all."""
    empty = x.new_zeros(x.shape[0], channels - x.shape[1], *x.shape[2:])
    return torch.cat([empty, x], dim=1)
