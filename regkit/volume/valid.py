"""Where an image has data: boolean maps beside its voxels."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.volume.arrays import as_tensor


def checked_valid(valid: Any, shape: tuple[int, ...], name: str) -> Tensor | None:
    """Return a map of where an image has data as booleans, once its shape fits the image.

    Parameters
    ----------
    valid
        ``(*spatial)``; what is not 0 counts as data. None means that there are data everywhere.
    shape
        The spatial shape of the image.
    name
        What messages call the image.

    Returns
    -------
    Tensor or None
        Boolean ``(*spatial)``, or None where ``valid`` is.

    Raises
    ------
    InputError
        If ``valid`` has another shape, or holds no real numbers.
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
    """Mark voxels that have ``value`` in every channel as no data.

    Parameters
    ----------
    data
        ``(C, *spatial)``.
    valid
        Boolean ``(*spatial)``: where there are data so far; None means everywhere.
    value
        The value of padding; NaN is allowed.

    Returns
    -------
    Tensor
        Boolean ``(*spatial)``: where there are data now.
    """
    empty = data.isnan() if math.isnan(value) else data == value
    known = ~empty.all(0)
    return known if valid is None else known & valid


def finite_everywhere(data: Tensor, valid: Tensor | None) -> Tensor:
    """Tell where ``data (C, *spatial)`` is valid and finite in every channel, ``(*spatial)``."""
    known = data.isfinite().all(0)
    return known if valid is None else known & valid
