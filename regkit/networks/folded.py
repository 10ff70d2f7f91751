"""FoldedUNet: a trained U-Net calculated in fewer and larger steps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from regkit.kernels.parity import space_to_depth
from regkit.networks.head import Head
from regkit.networks.unet import SCALE, UNet, halve, mean_pool

_CONV: dict[int, Any] = {2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED: dict[int, Any] = {2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
_FORM = {2: torch.channels_last, 3: torch.channels_last_3d}
_DOUBLING = (0.25, 0.75, 0.75, 0.25)  # linear interpolation as a transposed convolution


class FoldedUNet(nn.Module):
    """A :class:`~regkit.networks.unet.UNet` for inference only.

    Batch norms are scales and shifts of the convolutions before them, interpolations are taps
    of the transposed convolutions beside them, and the last two layers are one
    (:mod:`regkit.networks.head`) where they lead to full resolution. Channels come last in memory.

    Parameters
    ----------
    net
        The trained network; it stays as it is, and its batch norms use what they have learned.
    dtype
        What the layers calculate in; sums within a layer are float32.
    """

    @torch.no_grad()
    def __init__(self, net: UNet, dtype: torch.dtype) -> None:
        super().__init__()
        self.ndim, self.dtype, self._width = net.ndim, dtype, net.widths.up
        self._form = _FORM[net.ndim]
        self._downs = [self._ready(c.weight, c.bias) for c in _of(net.downConvs)]
        last = net.lastConv.weight / SCALE, net.lastConv.bias / SCALE
        if net.widths.reduced:
            self._last, self._head = self._ready(*last), None
        else:
            up, up_bias, weight, bias = (p.cpu().double() for p in (*_doubling(net, 0), *last))
            self._head = Head(up, up_bias, weight, bias, dtype)
        own = range(1 if self._head else 0, len(self._width))
        self._ups = {number: self._ready(*_doubling(net, number)) for number in own}

    def forward(self, moving: Tensor, fixed: Tensor) -> Tensor:
        """See :meth:`regkit.networks.unet.UNet.forward`; the result is float32."""
        images = torch.stack([moving[:, 0], fixed[:, 0]], dim=-1).movedim(-1, 1)
        x = images.to(self.dtype)
        skips = []
        for weight, bias in self._downs:
            skips.append(x)
            x = self._down(x, weight, bias)
        parts = [x]
        for number in reversed(self._ups):
            skip = skips.pop()
            parts = [self._up(parts, number, skip.shape[2:]), skip]
        if self._head is None:
            out: Tensor = _CONV[self.ndim](torch.cat(parts, dim=1), *self._last, padding=1)
            return out.float()
        features = self._laid_out(parts, self._width[0], space_to_depth(images))
        return self._head(features, tuple(fixed.shape[2:]))

    def _down(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        conv = partial(_CONV[self.ndim], weight=weight, bias=bias, stride=2, padding=1)
        y = halve(conv, functional.leaky_relu(x))
        y[:, -x.shape[1] :] += mean_pool(x.float())  # there is no pooling in bfloat16
        return y

    def _up(self, parts: Sequence[Tensor], number: int, shape: Sequence[int]) -> Tensor:
        weight, bias = self._ups[number]
        # One voxel more lies around the input, which is two of the output, beside its padding.
        y: Tensor = _TRANSPOSED[self.ndim](
            self._laid_out(parts, self._width[number]), weight, bias, stride=2, padding=3
        )
        return y[(slice(None), slice(None), *(slice(n) for n in shape))]

    def _laid_out(self, parts: Sequence[Tensor], raw: int, *more: Tensor) -> Tensor:
        """Lay out the input of a doubling, with one voxel more on every side.

        ``parts`` through the nonlinearity, around which there are zeros, for the transposed
        convolution; the first ``raw`` channels as they are, whose border goes on, for the
        interpolation; then ``more``, with zeros around it.
        """
        widths = [part.shape[1] for part in parts]
        shape = parts[0].shape[2:]
        total = sum(widths) + raw + sum(each.shape[1] for each in more)
        size = (len(parts[0]), total, *(n + 2 for n in shape))
        out = torch.empty(
            size, dtype=self.dtype, device=parts[0].device, memory_format=self._form
        ).zero_()
        inner = out[(slice(None), slice(None), *[slice(1, -1)] * self.ndim)]
        pieces = torch.split(inner, [*widths, raw, *(each.shape[1] for each in more)], dim=1)
        for piece, part in zip(pieces, [*parts, parts[0][:, :raw], *more], strict=True):
            piece.copy_(part)
        functional.leaky_relu_(inner[:, : sum(widths)])
        _extend(out[:, sum(widths) : sum(widths) + raw])
        return out

    def _ready(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        return weight.to(self.dtype, memory_format=self._form), bias.to(self.dtype)


def _doubling(net: UNet, number: int) -> tuple[Tensor, Tensor]:
    """Fold transposed convolution, interpolation and batch norm into one transposed convolution.

    The first input channels are those of the convolution, the rest those that are interpolated.
    """
    conv, norm = cast(Any, net.upConvs[number]), cast(Any, net.batchNorms[number])
    raw = net.widths.up[number]
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    bias = (conv.bias - norm.running_mean) * scale + norm.bias
    taps = conv.weight.new_tensor(_DOUBLING)
    spread = reduce(lambda a, b: a[..., None] * b, [taps] * net.ndim)
    whole = conv.weight.new_zeros(len(conv.weight) + raw, *conv.weight.shape[1:])
    torch.mul(conv.weight, scale.reshape(-1, *[1] * net.ndim), out=whole[: len(conv.weight)])
    for channel, factor in enumerate(scale):
        whole[len(conv.weight) + channel, channel] = factor * spread
    return whole, bias


def _extend(x: Tensor) -> None:
    """Copy the values inside into the outermost voxels."""
    for axis in range(2, x.ndim):
        x.select(axis, 0).copy_(x.select(axis, 1))
        x.select(axis, -1).copy_(x.select(axis, -2))


def _of(parts: nn.ModuleList) -> list[Any]:
    return list(parts)
