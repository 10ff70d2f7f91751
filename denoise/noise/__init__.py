"""Noise: what kind it is, how strong it is, and the scale on which it has variance one."""

from denoise.noise.estimation import estimate_looks, estimate_poisson_gaussian, estimate_sigma
from denoise.noise.gaussian import Gaussian
from denoise.noise.model import NoiseModel
from denoise.noise.poisson import PoissonGaussian
from denoise.noise.rician import Rician
from denoise.noise.speckle import Speckle
from denoise.noise.whiteness import neighbour_correlation

__all__ = [
    "Gaussian",
    "NoiseModel",
    "PoissonGaussian",
    "Rician",
    "Speckle",
    "estimate_looks",
    "estimate_poisson_gaussian",
    "estimate_sigma",
    "neighbour_correlation",
]
