"""Head: the last doubling and the last convolution of a U-Net, folded into one at half its size.

Nothing between the two is nonlinear: transposed convolution, interpolation, batch norm, crop,
skip connection and last convolution are one linear map of what comes before. As a convolution
at half the resolution, whose channels are the parities of the fine voxels, it takes less
arithmetic, and the widest layer of the network is never in memory. At the border, where the last
convolution sees zeros, the same convolution has other weights.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from regkit.kernels.parity import depth_to_space
from regkit.networks.incidence import (
    Span,
    contract_taps,
    sorted_taps,
    spans,
    through_doubling,
    through_parities,
)

_CONV: dict[int, Any] = {2: functional.conv2d, 3: functional.conv3d}
_FORM = {
    1: torch.contiguous_format,
    4: torch.channels_last,
    5: torch.channels_last_3d,
}
_BLOCK = 32  # output channels are filled up to this many: oneDNN is faster on whole blocks

Borders = tuple[Span, ...]
Insides = tuple[tuple[tuple[bool, ...], ...], ...]


class Head:
    """The last layers of a U-Net: a displacement at full resolution from features at half of it.

    Parameters
    ----------
    up, up_bias
        The doubling as one transposed convolution ``(in, mid, 4, ...)``, batch norm included.
    last, last_bias
        The last convolution ``(d, mid + 2, 3, ...)``, the scale of the output included.
    dtype
        What it calculates in.
    """

    def __init__(
        self, up: Tensor, up_bias: Tensor, last: Tensor, last_bias: Tensor, dtype: torch.dtype
    ) -> None:
        self.ndim = last.shape[0]
        self.up = up
        self.last, self.skip = last[:, : up.shape[1]], last[:, up.shape[1] :]
        self.dtype = dtype
        # What a constant becomes, tap by tap: taps that fall outside the image are left out.
        self._constant = torch.tensordot(self.last, up_bias, dims=([1], [0])).numpy()
        self.last_bias = last_bias
        self._skipped = self._of_images()
        self._partial: dict[Insides, Tensor] = {}
        self._known: dict[Insides, tuple[Tensor, Tensor]] = {}

    def __call__(self, features: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return the displacement ``(B, d, *shape)`` in float32, channels last.

        Parameters
        ----------
        features
            ``(B, in + 2**d * 2, *half)``, with one voxel more on every side: the input of the
            doubling, then the images as :func:`~regkit.kernels.parity.space_to_depth` stores them.
        """
        axes = [spans(size) for size in shape]
        widest = tuple(max(each, key=lambda span: span.stop - span.start) for each in axes)
        out = self._convolved(features, widest)
        for place in product(*axes):
            if place != widest:
                here = _window(features, place, 2)
                _window(out, place, 0).copy_(self._convolved(here, place))
        return depth_to_space(out.float(), self.ndim, shape)

    def _convolved(self, features: Tensor, place: Borders) -> Tensor:
        key = tuple(span.inside for span in place)
        if key not in self._known:
            self._known[key] = self._folded(key, features.device)
        out: Tensor = _CONV[self.ndim](features, *self._known[key])
        return out

    def _folded(self, insides: Insides, device: torch.device) -> tuple[Tensor, Tensor]:
        """Compute weights and bias where the borders lie as ``insides`` tells for every axis."""
        own = sorted_taps(self._through_doublings(insides))
        weight = torch.cat([own, self._skipped], dim=self.ndim + 1).flatten(0, self.ndim)
        bias = self._constant
        for inside in insides:
            bias = np.tensordot(bias, np.array(inside, np.float64), ([1], [1]))
        bias = (np.moveaxis(bias, 0, -1) + self.last_bias.numpy()).ravel()
        return self._filled(weight, device), self._filled(torch.from_numpy(bias), device)

    def _filled(self, values: Tensor, device: torch.device) -> Tensor:
        """Fill the output channels up to whole blocks, in the type and memory order of use."""
        rows = -len(values) % _BLOCK + len(values)
        form = _FORM[values.ndim]
        out = torch.empty((rows, *values.shape[1:]), dtype=self.dtype, memory_format=form)
        out[len(values) :] = 0
        out[: len(values)] = values
        return out.to(device)

    def _through_doublings(self, insides: Insides) -> Tensor:
        """Contract axis by axis: places whose first axes are alike share the result for those."""
        if not insides:
            pairs: Tensor = torch.tensordot(self.last, self.up, dims=([1], [1]))
            return pairs
        if insides not in self._partial:
            before = self._through_doublings(insides[:-1])
            table = through_doubling(insides[-1])
            self._partial[insides] = contract_taps(before, table, self.ndim + 1 - len(insides))
        return self._partial[insides]

    def _of_images(self) -> Tensor:
        """Return the last convolution's taps on the images, ``(p ..., d, p' and c, r ...)``."""
        n = self.ndim
        # Every tap of an image is one of a parity, so the sum over s is over parities p'.
        eye = torch.eye(2**n, dtype=self.skip.dtype).reshape(2**n, *[2] * n)
        pairs = torch.einsum("ocd,qs->odqcs", self.skip.flatten(2), eye.flatten(1))
        pairs = pairs.reshape(n, *[3] * n, 2**n * self.skip.shape[1], *[2] * n)
        for left in range(n, 0, -1):
            pairs = contract_taps(pairs, through_parities(), left)
        return sorted_taps(pairs)


def _window(x: Tensor, place: Borders, more: int) -> Tensor:
    return x[(slice(None), slice(None), *(slice(s.start, s.stop + more) for s in place))]
