"""The value of voxels that an image says nothing about, held against the type it must fit."""

from __future__ import annotations

import math

import torch

from regkit.errors import InputError


def check_fill(value: float, dtype: torch.dtype, name: str = "") -> None:
    """Refuse a fill value that the type of the voxels cannot hold.

    Parameters
    ----------
    value
        The value of voxels outside the image; one that is not finite is for floating-point images
        only.
    dtype
        The type of the voxels.
    name
        What messages call the image.

    Raises
    ------
    InputError
        If it is beyond the range of ``dtype``, or a fraction where that holds whole numbers.

    Examples
    --------
    >>> check_fill(-1000, torch.int16)
    """
    if dtype.is_floating_point:
        largest = torch.finfo(dtype).max
        low, high, fits = -largest, largest, not math.isfinite(value) or abs(value) <= largest
        allowed = f"{low:.4g} to {high:.4g}"
    else:
        low, high = _bounds(dtype)
        fits = math.isfinite(value) and value == round(value) and low <= value <= high
        allowed = f"whole numbers from {low} to {high}"
    if not fits:
        kind = str(dtype).removeprefix("torch.")
        raise InputError(
            f"{name or 'volume'}: {value:g}, the value outside, does not fit its type {kind}; "
            f"allowed: {allowed}. Choose another value, or convert the image first"
        )


def nearest_fill(value: float, dtype: torch.dtype) -> float:
    """Return the value nearest to ``value`` that ``dtype`` holds.

    The air of a CT image that is stored unsigned, for example, becomes 0.

    Examples
    --------
    >>> nearest_fill(-1000.0, torch.uint8), nearest_fill(-1000.0, torch.int16)
    (0, -1000)
    """
    if dtype.is_floating_point:
        largest = torch.finfo(dtype).max
        return min(max(value, -largest), largest)
    low, high = _bounds(dtype)
    return min(max(round(value), low), high)


def _bounds(dtype: torch.dtype) -> tuple[int, int]:
    if dtype is torch.bool:
        return 0, 1
    info = torch.iinfo(dtype)
    return int(info.min), int(info.max)
