"""Whether a smooth field explains a pair, and how smooth it then stays."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from regkit.kernels.smoothing import gaussian
from regkit.registration.config import FieldConfig
from regkit.registration.descent import Ends
from regkit.registration.result import Level

_FIELD_OF_VIEW = 12  # widths of a smooth step
_BLUR = 2.0  # voxels: what a start knows of single gyri and sulci does not pass for smooth


def first_level(
    descend: Callable[..., tuple[Tensor, Level, Ends]],
    u: Tensor,
    config: FieldConfig,
    *,
    started: bool,
) -> tuple[Tensor, Level, float]:
    """A smooth field, then a free one: that which will do, and the smooth one's share of the gain.

    Between two people a smooth field explains little of what differs; within one it explains
    nearly all, and what a free one adds to it is noise. Where ``u`` is a start, the smooth one
    begins with what is smooth of it, the free one with all of it, and both gain on the identity.
    """
    still = descend(torch.zeros_like(u), config=config, iterations=1)[2] if started else None
    quiet, before, (first, quietest) = descend(
        gaussian(u, _BLUR, zero=True) if started else u, config=calm(config)
    )
    free, after, (_, freest) = descend(u if started else quiet, config=config)
    if not before.values:
        return u, before, 0.0
    first = first if still is None else still[0]
    share = (first - quietest) / (first - freest) if freest < first else 0.0
    chosen = quiet if share >= config.smooth.share else free
    return chosen, replace(after, values=before.values + after.values), share


def calm(config: FieldConfig) -> FieldConfig:
    """``config`` for a smooth field on the coarsest level."""
    return config.model_copy(update={"field_sigma": config.smooth.field_sigma})


def smoothed(config: FieldConfig, shape: tuple[int, ...], finer: float) -> FieldConfig:
    """``config`` for a smooth field, in voxels so many times ``finer`` than the coarsest.

    A step is no wider than a share of the field of view, or it would not be one.
    """
    widest = min(n for n in shape if n > 1) / _FIELD_OF_VIEW
    lengths = {
        "field_sigma": config.smooth.field_sigma * math.sqrt(finer),
        "update_sigma": min(config.smooth.update_sigma, max(widest, config.update_sigma)),
    }
    return config.model_copy(update=lengths)
