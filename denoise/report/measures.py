"""What a report measures: what was taken away, spectra, and bias by intensity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from denoise.result import DenoiseResult

Values = NDArray[np.float64]
_BINS, _FEWEST = 20, 50


@dataclass(frozen=True, eq=False)
class Curve:
    """Values over something, with their standard errors where they have one."""

    x: Values
    y: Values
    error: Values | None = None


def removed_variance(result: DenoiseResult) -> float:
    """Return the variance of what was taken away, stabilised, over that of the noise.

    1 where all noise and nothing else was taken.
    """
    noisy, clean = (result.model.stabilise(v.data[0].float())
                    for v in (result.noisy, result.denoised))  # fmt: skip
    return float((noisy - clean)[result.mask].var()) / result.scaling.noise**2


def anatomy_in_residual(result: DenoiseResult) -> float:
    """Correlate what was taken away with the result, over the mask."""
    pair = torch.stack([v.data[0].float()[result.mask] for v in (result.residual, result.denoised)])
    return float(torch.nan_to_num(torch.corrcoef(pair)[0, 1]))


def spectrum(image: NDArray[np.floating]) -> Curve:
    """Return the mean power of ``image`` over spatial frequency, in cycles per voxel.

    Examples
    --------
    >>> flat = spectrum(np.random.default_rng(0).standard_normal((32, 32, 32)))
    >>> bool(np.allclose(flat.y[3:], 1, atol=0.2))
    True
    """
    power = np.abs(np.fft.rfftn(image - image.mean(), norm="ortho")) ** 2
    axes = [np.fft.fftfreq(n) for n in image.shape[:-1]] + [np.fft.rfftfreq(image.shape[-1])]
    axes = [axis for axis, n in zip(axes, image.shape, strict=True) if n > 1]
    squared = sum(np.meshgrid(*[axis**2 for axis in axes], indexing="ij"))
    radius = np.sqrt(np.asarray(squared)).reshape(power.shape)
    edges = np.linspace(0, 0.5, _BINS + 1)
    bins = np.digitize(radius.ravel(), edges) - 1
    inside = bins < _BINS
    counts = np.bincount(bins[inside], minlength=_BINS)
    sums = np.bincount(bins[inside], power.ravel()[inside], minlength=_BINS)
    found = counts > 0
    return Curve((edges[:-1] + edges[1:])[found] / 2, sums[found] / counts[found])


def bias_by_intensity(result: DenoiseResult) -> Curve:
    """Average what was taken away over voxels of like result, with the standard error.

    Zero everywhere for noise of mean zero; what Rician noise adds where there is little signal
    shows as a rise at the left.
    """
    inside = result.mask.numpy()
    level = result.denoised.data[0].double().numpy()[inside]
    taken = result.residual.data[0].double().numpy()[inside]
    edges = np.unique(np.quantile(level, np.linspace(0, 1, _BINS + 1)))
    bins = np.clip(np.digitize(level, edges) - 1, 0, max(0, len(edges) - 2))
    rows = [
        (level[b].mean(), taken[b].mean(), taken[b].std() / np.sqrt(b.sum()))
        for b in (bins == n for n in range(len(edges) - 1))
        if b.sum() >= _FEWEST
    ]
    x, y, error = np.array(rows).T if rows else np.zeros((3, 0))
    return Curve(x, y, error)
