"""Spectrum of features: how many directions they use, and how alike channels are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regkit.errors import InputError

_SHARES = (0.9, 0.95, 0.99)


@dataclass(frozen=True)
class FeatureSpectrum:
    """The principal components of features.

    Parameters
    ----------
    features
        How many there are.
    ratios
        Share of the variance that each component explains, from large to small.
    rank
        How many components have any variance.
    effective_rank
        The exponential of the entropy of the ratios (Roy and Vetterli 2007).
    correlation
        The mean absolute correlation of two features; features without variance are left out.
    """

    features: int
    ratios: NDArray[np.float64]
    rank: int
    effective_rank: float
    correlation: float

    def needed(self, share: float) -> int:
        """How many components explain ``share`` of the variance."""
        found = int(np.searchsorted(self.ratios.cumsum(), share - 1e-12)) + 1
        return min(found, len(self.ratios))


def feature_spectrum(features: ArrayLike) -> FeatureSpectrum:
    """Decompose features.

    Parameters
    ----------
    features
        ``(N, F)``: images by features. Their type decides what counts as rounding: the rank of
        float32 features leaves out what float32 cannot tell from nothing.

    Raises
    ------
    InputError
        If there are less than two images, or no feature varies.

    Examples
    --------
    >>> spectrum = feature_spectrum(np.outer(np.arange(5.0), [1, 2, 3]))
    >>> spectrum.rank, round(spectrum.effective_rank, 6), round(spectrum.correlation, 6)
    (1, 1.0, 1.0)
    """
    stored = np.asarray(features)
    precision = np.finfo(stored.dtype if stored.dtype.kind == "f" else np.float64).eps
    given = stored.astype(np.float64)
    if given.ndim != 2 or len(given) < 2 or not np.isfinite(given).all():
        raise InputError(
            f"features of shape {given.shape} must be two rows at least of finite numbers"
        )
    centred = given - given.mean(0)
    spread = centred.std(0)
    if not (spread > 0).any():
        raise InputError("no feature varies between the images; there is nothing to decompose")
    values = np.linalg.svd(centred, compute_uv=False)
    variances = values**2
    # As numpy.linalg.matrix_rank decides what rounding alone has left.
    rank = int((values > values[0] * max(given.shape) * precision).sum())
    ratios = variances / variances.sum()
    present = ratios[ratios > 0]
    varying = centred[:, spread > 0] / spread[spread > 0]
    count = varying.shape[1]
    alike = np.abs(varying.T @ varying / len(varying))
    correlation = (alike.sum() - np.trace(alike)) / max(count * (count - 1), 1)
    entropy = float(np.exp(-(present * np.log(present)).sum()))
    return FeatureSpectrum(given.shape[1], ratios, rank, entropy, float(correlation))
