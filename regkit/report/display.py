"""How intensities become shades: display ranges and foreground."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regkit.preprocess.foreground import otsu
from regkit.volume.volume import Volume

Range = tuple[float, float]

# Enough voxels for a histogram; a stride along each axis brings any volume down to them.
_SAMPLE = 250_000


def display_range(volume: Volume) -> Range:
    """Choose the intensities shown black and white: robust ends of the first channel.

    The quantiles leave the constant background out, so that a small object in a large empty
    field still gets its contrast.
    """
    values = _values(volume)
    if values.size == 0:
        return 0.0, 1.0
    content = values[values > values.min()]
    if content.size == 0:
        return float(values.min()), float(values.min()) + 1.0
    low = float(np.quantile(values, 0.005))
    return low, max(float(np.quantile(content, 0.995)), low + 1e-6 * (abs(low) + 1))


def shade(values: NDArray[np.float32], limits: Range) -> NDArray[np.float32]:
    """Scale intensities of any shape to 0..1 and clip them; what is not a number is black.

    ``limits`` are the intensities that become 0 and 1.
    """
    low, high = limits
    scaled = np.nan_to_num((values - low) / (high - low), nan=0.0)
    clipped: NDArray[np.float32] = np.clip(scaled, 0, 1).astype(np.float32)
    return clipped


def tissue_levels(volume: Volume) -> tuple[float, ...]:
    """Find up to two intensities whose isolines outline the object and its inner structure."""
    values = _values(volume)
    if values.size == 0 or values.min() == values.max():
        return ()
    outline = otsu(values)
    inner = values[values > outline]
    if inner.size < 16 or inner.min() == inner.max():
        return (outline,)
    return outline, otsu(inner)


def display_foreground(volume: Volume) -> Tensor:
    """Sample voxels that are not background: index positions ``(N, d)``, float64.

    Background is what lies below half of Otsu's threshold, which keeps dim tissue; a constant
    image is all foreground.
    """
    sample = _sample(volume)
    values = sample.numpy()
    finite = values[np.isfinite(values)]
    chosen = torch.isfinite(sample)
    if finite.size and finite.min() < finite.max():
        low = float(np.quantile(finite, 0.005))
        chosen = sample > low + (otsu(finite) - low) / 2
    index = chosen.nonzero() if bool(chosen.any()) else torch.ones_like(chosen).nonzero()
    steps = torch.tensor(_steps(volume), dtype=torch.float64)
    return index.double() * steps


def _values(volume: Volume) -> NDArray[np.float32]:
    values = _sample(volume).flatten()
    finite: NDArray[np.float32] = values[torch.isfinite(values)].numpy()
    return finite


def _sample(volume: Volume) -> Tensor:
    steps = tuple(slice(None, None, step) for step in _steps(volume))
    sample = volume.data[0][steps].cpu().to(torch.float32)
    if volume.valid is None:
        return sample
    return sample.masked_fill(~volume.valid[steps].cpu(), torch.nan)


def _steps(volume: Volume) -> list[int]:
    """A stride along each axis; short axes keep every voxel."""
    step = 1
    while np.prod([-(-n // step) for n in volume.grid.shape]) > _SAMPLE:
        step += 1
    return [step if n >= 8 * step else 1 for n in volume.grid.shape]
