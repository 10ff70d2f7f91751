"""Vary how a crop looks: its contrast, shading, noise and sharpness."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

_INVERTED = 0.3
_NOISE = 0.12
_SHADE = 0.4
_BLURRED = 0.3


def vary_intensities(image: Tensor, generator: torch.Generator) -> Tensor:
    """Change the intensities of a crop by a random gamma, bias field, inversion, blur and noise.

    Parameters
    ----------
    image
        ``(1, i, j, k)``, about -1 to 1.
    generator
        Of the CPU.

    Returns
    -------
    Tensor
        Of the same shape and range.
    """
    power = 2.2 ** _between(-1, 1, generator)
    unit: Tensor = ((image + 1) / 2).clamp(0, 1.25) ** power
    unit = unit * (1 + _SHADE * smooth_noise(image.shape[1:], 3, generator))
    if _chance(generator) < _INVERTED:
        unit = 1 - unit
    if _chance(generator) < _BLURRED:
        unit = functional.avg_pool3d(unit[None], 3, 1, 1)[0]
    level = _NOISE * _chance(generator) ** 2
    unit = unit + level * torch.randn(unit.shape, generator=generator)
    return (2 * unit - 1).clamp(-1.5, 1.5)


def smooth_noise(shape: Sequence[int], nodes: int, generator: torch.Generator) -> Tensor:
    """Draw a smooth random field ``(1, *shape)`` from -1 to 1, of ``nodes`` values an axis.

    Parameters
    ----------
    shape
        Of the field, 3-D.
    nodes
        The fewer, the smoother.
    generator
        Of the CPU.
    """
    coarse = 2 * torch.rand(1, 1, *[nodes] * 3, generator=generator) - 1
    return functional.interpolate(coarse, tuple(shape), mode="trilinear", align_corners=True)[0]


def _between(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * _chance(generator)


def _chance(generator: torch.Generator) -> float:
    return float(torch.rand((), generator=generator))
