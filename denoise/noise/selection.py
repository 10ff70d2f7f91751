"""Which noise an image has, and how strong it is."""

from __future__ import annotations

import torch
from scipy.ndimage import uniform_filter
from torch import Tensor

from denoise.config import DenoiseConfig
from denoise.noise import (
    Gaussian,
    NoiseModel,
    PoissonGaussian,
    Rician,
    Speckle,
    estimate_looks,
    estimate_poisson_gaussian,
    estimate_sigma,
)

# Mean over standard deviation of a magnitude without signal is 1.913.
_RAYLEIGH = (1.6, 2.2)
_DARKEST, _FEWEST = 0.03, 1000
# That mean is 1.25 sigma, of which as little as 0.66 may be seen; the darkest tissue is brighter.
_DARK = 2.2
# Of the range: what is weaker counts as no noise at all.
_FLOOR = 1e-6


def select_noise_model(
    image: Tensor, mask: Tensor, config: DenoiseConfig, sigma: Tensor | None = None
) -> NoiseModel:
    """Make the noise model that ``config`` asks for, or that fits the image.

    Parameters
    ----------
    image, mask
        ``(*spatial)``: intensities, and where the noise is looked at.
    sigma
        A map of the standard deviation, ``(*spatial)``, in place of a number.

    Examples
    --------
    >>> from denoise.config import make_denoise_config
    >>> noise = torch.randn(2, 32, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> everywhere = torch.ones(32, 32, 32).bool()
    >>> select_noise_model(noise.norm(dim=0), everywhere, make_denoise_config()).name
    'rician'
    >>> select_noise_model(noise[0], everywhere, make_denoise_config()).name
    'gaussian'
    """
    kind = config.noise
    if kind == "auto":
        kind = "rician" if _is_magnitude(image, mask) else "gaussian"
    if kind == "poisson":
        gain, read = estimate_poisson_gaussian(image, mask)
        return PoissonGaussian(gain, read if config.sigma is None else config.sigma)
    if kind == "speckle":
        looks = estimate_looks(image, mask) if not config.sigma else 1 / config.sigma**2
        return Speckle(looks)
    rician = kind == "rician"
    level = sigma if sigma is not None else config.sigma
    if level is None or (isinstance(level, float) and level == 0):
        floor = _FLOOR * float(image.max() - image.min())
        level = max(floor, estimate_sigma(image, mask, rician=rician))
    return Rician(level) if rician else Gaussian(level)


def _is_magnitude(image: Tensor, mask: Tensor) -> bool:
    """Whether the darkest regions look like noise whose sign was taken away."""
    values = image[mask]
    if not len(values) or float(values.min()) < 0:
        return False
    size = [min(5, n) for n in image.shape]
    level = torch.from_numpy(uniform_filter(image.numpy(), size, mode="nearest"))
    inside = torch.from_numpy(uniform_filter(mask.float().numpy(), size, mode="constant")) > 0.999
    dark = level[inside]
    if len(dark) < _FEWEST:
        return False
    threshold = dark.sort().values[int(_DARKEST * len(dark))]
    chosen = image[inside & (level <= threshold)]
    if float(chosen.mean()) > _DARK * estimate_sigma(image, mask):
        return False
    ratio = float(chosen.mean() / chosen.std().clamp_min(1e-12))
    return _RAYLEIGH[0] < ratio < _RAYLEIGH[1]
