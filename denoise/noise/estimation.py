"""How strong the noise of an image is, from the image alone."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import polygamma
from torch import Tensor

from denoise.noise.background import background_sigma
from denoise.noise.highpass import diagonal_details, mark_details, robust_sd
from denoise.noise.rician import corrected_sigma

_BINS, _FEWEST = 24, 200
_LOOKS = np.geomspace(0.25, 1e4, 4000)


def estimate_sigma(image: Tensor, mask: Tensor | None = None, *, rician: bool = False) -> float:
    """Estimate the standard deviation of additive noise by the finest diagonal details.

    Donoho and Johnstone's median rule (Biometrika 81, 1994) on differences along all axes at
    once. Voxels whose neighbours are all equal, such as a background that was cut away, do not
    count.

    Parameters
    ----------
    image
        ``(*spatial)``.
    mask
        Where to look, ``(*spatial)``; everywhere if left out.
    rician
        Correct for the smaller spread that magnitudes have where the signal is weak
        (Koay and Basser, J. Magn. Reson. 179, 2006); then take the background, where there is one.

    Examples
    --------
    >>> noise = torch.randn(40, 40, 40, generator=torch.Generator().manual_seed(0))
    >>> abs(estimate_sigma(100 + 3 * noise) - 3) < 0.05
    True
    """
    details, chosen = diagonal_details(image), mark_details(image)
    if mask is not None:
        chosen &= _cornered(mask, image)
    seen = robust_sd(details[chosen])
    if not rician or seen == 0:
        return seen
    return background_sigma(image, mask, corrected_sigma(_smooth(image)[chosen], seen))


def estimate_poisson_gaussian(image: Tensor, mask: Tensor | None = None) -> tuple[float, float]:
    """Estimate the gain and sigma of :class:`~denoise.noise.poisson.PoissonGaussian`.

    A line through the noise variance of voxels of like intensity (Foi et al., IEEE TIP 17, 2008,
    eq. 2).

    Examples
    --------
    >>> signal = torch.linspace(10, 200, 64).repeat(64, 16, 1)
    >>> counts = torch.poisson(signal, torch.Generator().manual_seed(0))
    >>> gain, sigma = estimate_poisson_gaussian(2 * counts)
    >>> abs(gain - 2) < 0.2
    True
    """
    details, chosen = diagonal_details(image), mark_details(image)
    if mask is not None:
        chosen &= _cornered(mask, image)
    level, detail = _smooth(image)[chosen], details[chosen]
    edges = torch.quantile(_thinned(level), torch.linspace(0, 1, _BINS + 1))
    bins = torch.bucketize(level, edges[1:-1])
    rows = []
    for number in range(_BINS):
        inside = bins == number
        if int(inside.sum()) >= _FEWEST:
            rows.append((float(level[inside].mean()), robust_sd(detail[inside]) ** 2))
    if len(rows) < 2:
        return 1e-6, robust_sd(detail)
    means, variances = np.array(rows).T
    gain, floor = np.polyfit(means, variances, 1, w=1 / np.maximum(variances, 1e-12))
    return max(float(gain), 1e-6), float(np.sqrt(max(float(floor), 0.0)))


def estimate_looks(image: Tensor, mask: Tensor | None = None) -> float:
    """Estimate the equivalent number of looks of :class:`~denoise.noise.speckle.Speckle`.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> speckled = 7 * torch.distributions.Gamma(4.0, 4.0).sample((64, 64, 16))
    >>> abs(estimate_looks(speckled) - 4) < 0.5
    True
    """
    positive = image > 0
    floor = float(image[positive].min()) if bool(positive.any()) else 1.0
    sd = estimate_sigma(image.clamp_min(floor).log(), mask)
    return float(_LOOKS[np.argmin(np.abs(polygamma(1, _LOOKS) - sd**2))])


def _cornered(mask: Tensor, image: Tensor) -> Tensor:
    return mask.bool()[tuple(slice(min(1, n - 1), None) for n in image.shape)]


def _smooth(image: Tensor) -> Tensor:
    """Means of the voxels that a detail is made of."""
    out = image
    for axis, size in enumerate(image.shape):
        if size > 1:
            out = (out.narrow(axis, 1, size - 1) + out.narrow(axis, 0, size - 1)) / 2
    return out


def _thinned(values: Tensor) -> Tensor:
    """At most a million of them: torch.quantile takes no more than 16 million."""
    return values[:: max(1, len(values) // 1_000_000)]
