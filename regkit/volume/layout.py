"""How voxels lie in their array: turned, cropped and padded, or around an affine."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.affines import as_affine
from regkit.geometry.grid import Grid
from regkit.volume.deferred import Part


def grid_around(voxels: Tensor, affine: ArrayLike, name: str) -> Grid:
    """The grid of ``voxels`` under ``affine``; what lies before its axes are channels.

    Raises
    ------
    InputError
        If the two have other numbers of axes.
    """
    matrix = as_affine(affine, what=f"{name or 'volume'}: affine")
    ndim = len(matrix) - 1
    if voxels.ndim not in (ndim, ndim + 1):
        raise InputError(
            f"{name or 'volume'}: data {tuple(voxels.shape)} does not fit a {ndim}-D affine; give "
            f"{ndim} axes, or {ndim + 1} with channels first"
        )
    return Grid(tuple(voxels.shape[-ndim:]), matrix)


def reorder_axes(data: Tensor, order: Sequence[int], flipped: Sequence[int]) -> Tensor:
    """``data (C, *spatial)`` with its axes permuted, then flipped."""
    turned = data.permute(0, *(axis + 1 for axis in order))
    turned = turned.flip([axis + 1 for axis in flipped]) if flipped else turned
    return turned.contiguous()


def overlap(start: Sequence[int], shape: Sequence[int], have: Sequence[int]) -> tuple[Part, Part]:
    """What a window shows of an array of shape ``have``, and where in the window that lies."""
    source, target = [], []
    for first, size, there in zip(start, shape, have, strict=True):
        low, high = max(first, 0), max(first, 0, min(first + size, there))
        source.append(slice(low, high))
        target.append(slice(low - first, high - first))
    return tuple(source), tuple(target)


def pad_to_shape(data: Tensor, place: Part, shape: Sequence[int], fill: float) -> Tensor:
    """``data (C, *spatial)`` at its place in an array ``(C, *shape)`` of ``fill``."""
    out = data.new_full((len(data), *shape), fill)
    out[(slice(None), *place)] = data
    return out
