"""Noise of a visit, what it adds to dark tissue, and the gain between two visits."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from regkit.kernels.smoothing import gaussian
from regkit.volume import Volume

_TO_DEVIATION = 1.4826  # of a Gaussian, from its median absolute value
_BLUR, _FLAT = 1.5, 0.25  # voxels; a quantile of the slopes
_COMPARISONS = 3
_FAINT = 1e-3  # of the mean square intensity: keeps a ratio of two empty places at 1


def noise_level(image: Volume, body: Tensor) -> float:
    """Estimate the standard deviation of the noise, where ``body (*shape)`` is true.

    By pseudo-residuals, a voxel minus the mean of its six neighbours (Coupé et al., Medical Image
    Analysis 12, 2008), in the quarter of the body whose slopes are the least: elsewhere texture
    would count as noise.
    """
    data = image.data[0].double()
    wide = functional.pad(data[None, None], [1] * 6, mode="replicate")[0, 0]
    inner = slice(1, -1)
    total = sum(
        wide[tuple(slice(1 + way, n + 1 + way) if axis == along else inner
                   for axis, n in enumerate(data.shape))]
        for along in range(3)
        for way in (-1, 1)
    )  # fmt: skip
    if not bool(body.any()):
        return 0.0
    residual = np.sqrt(6 / 7) * (data - total / 6)
    smooth = gaussian(image.data.float(), _BLUR)[0]
    steep = torch.stack(torch.gradient(smooth, dim=[0, 1, 2])).square().sum(0)
    inside = body & (smooth > smooth[body].median())  # not the empty rim of the body
    flat = inside & (steep <= torch.quantile(_few(steep[inside]), _FLAT))
    return _TO_DEVIATION * float(residual[flat].abs().median())


def _few(values: Tensor) -> Tensor:
    """Values enough for a quantile, of which PyTorch takes no more than 2**24."""
    return values[:: 1 + len(values) // 1_000_000]


def without_rician(image: Volume, sigma: float) -> Volume:
    """Take out of a magnitude image what its noise adds on the mean: about ``sigma**2 / (2 I)``.

    An image with values below 0 is no magnitude and stays as it is.
    """
    if float(image.data.min()) < 0:
        return image
    square = image.data.double().square() - sigma**2
    return image.with_data(square.clamp(min=0).sqrt().float())


def log_gain(first: Tensor, second: Tensor, weight: Tensor, width: float) -> Tensor:
    """Return half the logarithm of how much brighter ``first`` is than ``second``, slowly varying.

    The mean of a window flattens what varies inside it, and leans to its brightest tissue: what a
    first comparison leaves is compared again.

    Parameters
    ----------
    first, second
        The images, ``(*shape)``, lying on each other.
    weight
        Where they count.
    width
        Standard deviation of the window over which they are compared, in voxels.

    Returns
    -------
    Tensor
        ``(*shape)``: ``exp(-g) first`` and ``exp(g) second`` are equally bright.
    """
    total = float((weight * (first.square() + second.square())).sum()) / 2
    faint = _FAINT * total / max(float(weight.sum()), 1.0)
    out = torch.zeros_like(first)
    for _ in range(_COMPARISONS):
        one, other = (
            gaussian((weight * (share * each).square())[None], width)[0]
            for share, each in ((torch.exp(-out), first), (torch.exp(out), second))
        )
        out = out + torch.log((one + faint) / (other + faint)) / 4
    return out
