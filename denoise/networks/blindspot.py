"""BlindSpot: a network whose result at a voxel does not depend on that voxel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoise.networks.layers import to_channels_last

_CONVOLVE = {2: functional.conv2d, 3: functional.conv3d}


@dataclass(frozen=True)
class BlindShape:
    """What a :class:`BlindSpot` is made of; it is written into files of weights.

    Parameters
    ----------
    dims
        Number of axes.
    width
        Channels of every layer.
    dilations
        Spacing of the taps of each layer after the first. Multiples of 2, or a voxel would see
        itself through two of them.
    inputs, centre
        Channels that go in, and which of them has the blind spot: the middle one of neighbouring
        slices. The others are seen whole.
    hidden
        Half the size of what is hidden around a voxel, along each axis: 0 for itself alone, more
        for noise that is correlated along that axis (Broaddus et al., ISBI 2020).
    """

    dims: int = 3
    width: int = 32
    dilations: tuple[int, ...] = (2, 4, 2, 4, 2)
    inputs: int = 1
    centre: int = 0
    hidden: tuple[int, ...] = (0, 0, 0)

    @property
    def reach(self) -> tuple[int, ...]:
        """How far from a voxel its result may depend on, along each axis."""
        return tuple(1 + h + self._stretch(h) * sum(self.dilations) for h in self.hidden)

    def _stretch(self, hidden: int) -> int:
        """By how much more taps lie apart, so that no sum of them falls on what is hidden."""
        return 1 + hidden

    def spacing(self, dilation: int) -> tuple[int, ...]:
        """Of the taps of one layer, along each axis."""
        return tuple(dilation * self._stretch(h) for h in self.hidden)


class BlindSpot(nn.Module):
    """Convolutions with a hole, and dilated ones that cannot fill it (Wu et al., D-BSN, 2020).

    The first layer's taps lie at -1-hidden, 0 and 1+hidden, without the centre; every later one
    moves by multiples of 2 (1 + hidden). So what a voxel gets comes from odd multiples of
    1 + hidden along some axis, never from itself. Nothing is pooled or normalised, in training
    and evaluation alike.

    Two outputs: the mean of what the voxel may be, and the logarithm of its variance in units of
    that of the noise.

    Raises
    ------
    ValueError
        If a dilation is not a multiple of 2.

    Examples
    --------
    >>> net = BlindSpot(BlindShape(dims=2, width=4, dilations=(2,), hidden=(0, 0)))
    >>> image = torch.randn(1, 1, 9, 7)
    >>> changed = image.clone()
    >>> changed[0, 0, 4, 3] += 1
    >>> bool((net(image) == net(changed))[0, :, 4, 3].all())
    True
    """

    hole: Tensor

    def __init__(self, shape: BlindShape, outputs: int = 2) -> None:
        super().__init__()
        if any(d % 2 for d in shape.dilations):
            raise ValueError(f"dilations {shape.dilations} must be multiples of 2")
        self.shape = shape
        kernel, c = (3,) * shape.dims, shape.width
        self.first = nn.Parameter(_drawn(c, shape.inputs, kernel))
        self.bias = nn.Parameter(torch.zeros(c))
        self.wide = nn.ParameterList(_drawn(c, c, kernel) for _ in shape.dilations)
        self.mix = nn.ModuleList(_pointwise(shape.dims, c, c) for _ in shape.dilations)
        self.hidden = _pointwise(shape.dims, c, c)
        self.last = _pointwise(shape.dims, c, outputs)
        self.register_buffer("hole", _hole(shape), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, inputs, *spatial)`` to ``(N, 2, *spatial)``."""
        weight = self.first * self.hole
        h = functional.relu(
            self._convolved(to_channels_last(x), weight, self.shape.spacing(1), self.bias)
        )
        for wide, mix, dilation in zip(self.wide, self.mix, self.shape.dilations, strict=True):
            spread = self._convolved(h, wide, self.shape.spacing(dilation))
            h = h + mix(functional.relu(spread))
        out: Tensor = self.last(functional.relu(self.hidden(h)))
        return out

    def _convolved(
        self, x: Tensor, weight: Tensor, spacing: tuple[int, ...], bias: Tensor | None = None
    ) -> Tensor:
        convolve = _CONVOLVE[self.shape.dims]
        return convolve(x, weight, bias, padding=spacing, dilation=spacing)


def posterior_mean(noisy: Tensor, predicted: Tensor, sigma: float) -> Tensor:
    """Return the posterior mean of each voxel, given its surroundings and itself.

    Parameters
    ----------
    noisy
        ``(N, 1, *spatial)``.
    predicted
        ``(N, 2, *spatial)`` of a :class:`BlindSpot`: mean and log variance over sigma².
    sigma
        Standard deviation of the noise.

    Returns
    -------
    Tensor
        ``(N, 1, *spatial)``: Laine et al., NeurIPS 2019, eq. 4, with a variance of one channel.

    Examples
    --------
    >>> float(posterior_mean(torch.tensor([[[2.0]]]), torch.tensor([[[0.0], [0.0]]]), 1.0))
    1.0
    """
    mean, log_variance = predicted[:, :1], predicted[:, 1:2]
    trust = torch.sigmoid(log_variance)  # variance / (variance + sigma²)
    return mean + trust * (noisy - mean)


def marginal_loss(noisy: Tensor, predicted: Tensor, sigma: float) -> Tensor:
    """Return minus the log likelihood of a noisy image: Laine et al., eq. 5, in units of sigma.

    Parameters
    ----------
    noisy
        The image, ``(N, 1, *spatial)``.
    predicted
        What a blind spot predicts at each voxel, ``(N, 2, *spatial)``: the mean, and the logarithm
        of the variance over sigma².
    sigma
        Standard deviation of the noise.

    Returns
    -------
    Tensor
        A scalar: twice the mean over voxels, up to a constant.

    Examples
    --------
    >>> zero = torch.zeros(1, 2, 4)
    >>> round(float(marginal_loss(zero[:, :1], zero, 1.0)), 4)
    0.6931
    """
    mean, log_variance = predicted[:, :1], predicted[:, 1:2]
    whole = functional.softplus(log_variance)  # log(1 + variance / sigma²)
    apart = ((noisy - mean) / sigma).square()
    return (apart * torch.exp(-whole) + whole).mean()


def _drawn(out: int, into: int, kernel: tuple[int, ...]) -> Tensor:
    weight = torch.empty(out, into, *kernel)
    nn.init.kaiming_normal_(weight, nonlinearity="relu")
    return weight


def _pointwise(dims: int, into: int, out: int) -> nn.Module:
    return (nn.Conv2d if dims == 2 else nn.Conv3d)(into, out, 1)


def _hole(shape: BlindShape) -> Tensor:
    """1 but at the middle tap of the channel that is blind."""
    hole = torch.ones(1, shape.inputs, *(3,) * shape.dims)
    hole[(0, shape.centre, *(1,) * shape.dims)] = 0
    return hole
