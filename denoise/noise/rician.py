"""Rician noise: that of magnitude images, whose background is not zero but 1.25 sigma."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_trapezoid, trapezoid
from scipy.special import i0e
from torch import Tensor

from denoise.noise.rising_function import RisingFunction

# In units of sigma: beyond the last signal the noise is Gaussian to 0.1 %.
_LAST, _REACH, _STEP = 24.0, 8.0, 0.01
_MAGNITUDES: NDArray[np.float64] = np.arange(_STEP / 2, _LAST + _REACH, _STEP, dtype=np.float64)
# The moments are even in the signal: points that are denser at zero.
_SIGNALS = _LAST * np.linspace(0, 1, 600) ** 2
_FIXED_POINT = 8


@dataclass(frozen=True, eq=False)
class Rician:
    """The magnitude of a complex signal whose two parts have Gaussian noise.

    The stabilising transform is the integral of 1 / sd over the mean, both tabulated by
    quadrature of the Rice density; the way back inverts the tabulated mean of the transform, so
    that it is unbiased at every signal (Foi, ISBI 2011, eq. 6 and 9, where both are fitted
    numerically). Below the mean that pure noise has, it goes on as an odd function: the mean over
    an empty background is zero, not the residue of half of the errors.

    Parameters
    ----------
    sigma
        Standard deviation of each of the two parts, in intensities: a number or a map
        ``(*spatial)``.

    Examples
    --------
    >>> import torch
    >>> noise = torch.randn(2, 100_000, generator=torch.Generator().manual_seed(0))
    >>> seen = (noise * 3).norm(dim=0)
    >>> model = Rician(3.0)
    >>> abs(float(model.restore(model.stabilise(seen).mean()))) < 0.5 < float(seen.mean())
    True
    """

    sigma: float | Tensor
    name: str = "rician"

    @property
    def level(self) -> float:
        """The standard deviation; the middle one of a map."""
        return float(self.sigma.median()) if isinstance(self.sigma, Tensor) else self.sigma

    def stabilise(self, noisy: Tensor) -> Tensor:
        """Magnitudes to the scale of variance one."""
        return _tables()[0](noisy / self.sigma)

    def restore(self, mean: Tensor) -> Tensor:
        """Means to the signal without noise; negative where less was seen than noise alone has."""
        empty = float(_tables()[1].y[0])
        above = _tables()[1].inverse(empty + (mean - empty).abs())
        return above * (mean - empty).sign() * self.sigma


def corrected_sigma(means: Tensor, seen: float) -> float:
    """Correct the spread ``seen`` of magnitudes of local ``means`` (n,) to sigma.

    A fixed point of sigma = seen / spread(means / sigma).
    """
    spread, sigma = _moments()[2], seen
    level = means.double().cpu().numpy()
    for _ in range(_FIXED_POINT):
        ratio = float(np.interp(level / sigma, _moments()[1], spread).mean())
        sigma = seen / ratio
    return sigma


@cache
def _tables() -> tuple[RisingFunction, RisingFunction]:
    """The transform, and its mean as a function of the signal; all in units of sigma."""
    density, mean, sd = _moments()
    slope = 1 / np.interp(_MAGNITUDES, mean, sd)
    forward = cumulative_trapezoid(slope, _MAGNITUDES, initial=0.0)
    expected = trapezoid(density * forward, _MAGNITUDES)
    return RisingFunction(_MAGNITUDES, forward), RisingFunction(_SIGNALS, expected)


@cache
def _moments() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Density of every magnitude at every signal; mean and standard deviation of each signal."""
    density = rice_density(_MAGNITUDES[None], _SIGNALS[:, None])
    mean = trapezoid(density * _MAGNITUDES, _MAGNITUDES)
    sd = np.sqrt(trapezoid(density * _MAGNITUDES**2, _MAGNITUDES) - mean**2)
    return density, mean, sd


def rice_density(r: NDArray[np.float64], signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the density of magnitudes ``r`` around ``signal`` in units of sigma; shapes broadcast.

    Examples
    --------
    >>> r = np.arange(0.005, 12, 0.01)
    >>> bool(np.isclose(rice_density(r, np.array(3.0)).sum() * 0.01, 1, atol=1e-3))
    True
    """
    density: NDArray[np.float64] = r * np.exp(-((r - signal) ** 2) / 2) * i0e(r * signal)
    return density
