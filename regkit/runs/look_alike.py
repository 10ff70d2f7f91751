"""Refuse what looks like a label map where values are about to be mixed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.volume import Volume

_FEWEST, _FEW, _MOST = 2, 10, 100  # values: of a map, of no image, of a map at most
_BLOCKS, _SIDE = 4, 32  # along an axis: how many parts are looked at first, and voxels of each


def check_no_labels(image: Volume) -> None:
    """Refuse an image of few whole values: mixed, it would hold values that no structure has.

    With 11 to 100 values it is taken for labels only where most neighbours have the same. Of an
    image that is not in memory only some parts are read.

    Parameters
    ----------
    image
        One that nobody called an image of intensities, ``(C, *spatial)``. Several channels are
        never labels.

    Raises
    ------
    InputError
        If it looks like labels.

    Examples
    --------
    >>> check_no_labels(Volume(torch.arange(4.0).reshape(2, 2), np.eye(3), "map.nii"))
    Traceback (most recent call last):
    ...
    regkit.errors.InputError: map.nii: looks like a label map, with 4 whole values; pass \
labels=True to take the nearest voxel, or labels=False to mix them as intensities
    >>> check_no_labels(Volume(torch.rand(2, 2), np.eye(3)))
    """
    if image.channels > 1:
        return
    parts = _parts(image)
    if image.deferred is None and len(_values(parts)) <= _MOST:
        parts = [image]
    found = _values(parts)
    if _FEWEST <= len(found) <= _MOST and _is_whole(found) and _is_patchwork(found, parts):
        raise InputError(
            f"{image.name or 'image'}: looks like a label map, with {len(found)} whole values; "
            "pass labels=True to take the nearest voxel, or labels=False to mix them as intensities"
        )


def _parts(image: Volume) -> list[Volume]:
    """Blocks that lie all over the image; nearly every image has many values in them."""
    shape = [min(_SIDE, n) for n in image.shape]
    axes = zip(image.shape, shape, strict=True)
    corners = [
        np.unique(np.linspace(0, n - side, _BLOCKS).astype(int)).tolist() for n, side in axes
    ]
    return [image.window(corner, shape) for corner in product(*corners)]


def _values(parts: Sequence[Volume]) -> Tensor:
    values: Tensor = torch.unique(torch.cat([part.data.unique() for part in parts]))
    return values


def _is_whole(values: Tensor) -> bool:
    return not values.is_floating_point() or bool((values == values.round()).all())


def _is_patchwork(values: Tensor, parts: Sequence[Volume]) -> bool:
    """Tell labels from an image of few grey levels, whose neighbours mostly differ."""
    if len(values) <= _FEW:
        return True
    counts = [_borders(part.data[0]) for part in parts]
    return 2 * sum(border for border, _ in counts) < sum(pairs for _, pairs in counts)


def _borders(data: Tensor) -> tuple[int, int]:
    """How many neighbours differ, and how many there are outside of the commonest value."""
    background, border, pairs = data.flatten().mode().values, 0, 0
    for axis, n in enumerate(data.shape):
        one, other = data.narrow(axis, 0, n - 1), data.narrow(axis, 1, n - 1)
        border += int((one != other).sum())
        pairs += int(((one != background) | (other != background)).sum())
    return border, pairs
