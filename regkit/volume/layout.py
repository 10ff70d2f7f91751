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
    """Make the grid of an array of voxels from the affine that says where they lie.

    Parameters
    ----------
    voxels
        ``(*spatial)``, or ``(C, *spatial)`` with channels first.
    affine
        ``(d + 1, d + 1)``, index to RAS+ mm; its ``d`` tells which axes of ``voxels`` are spatial.
    name
        What messages call the image.

    Raises
    ------
    InputError
        If the affine is unusable, or ``voxels`` has neither ``d`` nor ``d + 1`` axes.
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
    """Permute the spatial axes of an array, then flip some of them.

    Parameters
    ----------
    data
        ``(C, *spatial)``.
    order
        For each new spatial axis, from 0, the old one that it is; see :meth:`regkit.Grid.reorder`.
    flipped
        The new spatial axes that are stored backwards.

    Returns
    -------
    Tensor
        ``(C, *spatial)`` in its new order, contiguous.
    """
    turned = data.permute(0, *(axis + 1 for axis in order))
    turned = turned.flip([axis + 1 for axis in flipped]) if flipped else turned
    return turned.contiguous()


def overlap(start: Sequence[int], shape: Sequence[int], have: Sequence[int]) -> tuple[Part, Part]:
    """Find which part of an array a window shows, and where in the window that part lies.

    Parameters
    ----------
    start
        Index of the window's first voxel in the array; negative where it begins before it.
    shape
        Number of voxels of the window along each axis.
    have
        Number of voxels of the array along each axis.

    Returns
    -------
    source, target
        A slice an axis into the array, and one an axis into the window; they are empty where the
        two do not meet.
    """
    source, target = [], []
    for first, size, there in zip(start, shape, have, strict=True):
        low, high = max(first, 0), max(first, 0, min(first + size, there))
        source.append(slice(low, high))
        target.append(slice(low - first, high - first))
    return tuple(source), tuple(target)


def pad_to_shape(data: Tensor, place: Part, shape: Sequence[int], fill: float) -> Tensor:
    """Put an array at its place in a larger one that is otherwise ``fill``.

    Parameters
    ----------
    data
        ``(C, *spatial)``.
    place
        A slice for each spatial axis: where ``data`` goes in the result.
    shape
        Number of voxels of the result along each spatial axis.
    fill
        The value of all voxels around ``data``; its type must hold it.

    Returns
    -------
    Tensor
        ``(C, *shape)``, of the type of ``data``.
    """
    out = data.new_full((len(data), *shape), fill)
    out[(slice(None), *place)] = data
    return out
