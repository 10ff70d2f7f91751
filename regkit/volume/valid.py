"""Where an image has data: boolean maps beside its voxels."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.volume.arrays import as_tensor


def checked_valid(valid: Any, shape: tuple[int, ...], name: str) -> Tensor | None:
    """A boolean map ``(*spatial)`` of ``shape``; None stays None: data everywhere.

    Raises
    ------
    InputError
        If it has another shape.
    """
    if valid is None:
        return None
    found = as_tensor(valid, name)
    if tuple(found.shape) != shape:
        raise InputError(
            f"{name or 'volume'}: valid has shape {tuple(found.shape)}; it must be that of the "
            f"grid, {shape}"
        )
    return found if found.dtype is torch.bool else found != 0


def without_value(data: Tensor, valid: Tensor | None, value: float) -> Tensor:
    """Where ``data (C, *spatial)`` is valid and not ``value`` in all channels, ``(*spatial)``."""
    empty = data.isnan() if math.isnan(value) else data == value
    known = ~empty.all(0)
    return known if valid is None else known & valid


def finite_everywhere(data: Tensor, valid: Tensor | None) -> Tensor:
    """Where ``data (C, *spatial)`` is valid and finite in every channel, ``(*spatial)``."""
    known = data.isfinite().all(0)
    return known if valid is None else known & valid
