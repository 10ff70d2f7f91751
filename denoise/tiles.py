"""Tiles: a network on an image that is larger than memory allows, without a seam."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import torch
from torch import Tensor

_VOXELS = 1 << 21


def map_tiles(
    function: Callable[[Tensor], Tensor],
    image: Tensor,
    *,
    reach: Sequence[int],
    multiple: Sequence[int],
    voxels: int = _VOXELS,
) -> Tensor:
    """Apply ``function`` to ``image`` box by box, with the result that it has on the whole.

    Every box is computed with a margin of at least the reach, and starts at a multiple of what
    the network pools by, so that each voxel gets what the whole image would give it; the margin
    is then cut off, and nothing is blended.

    Parameters
    ----------
    function
        ``(1, C, i, j, k)`` to ``(1, 1, i, j, k)``.
    image
        ``(i, j, k)``, or ``(C, i, j, k)`` where the function takes several channels.
    reach
        How far a result may depend on the image, along each axis.
    multiple
        What the network pools by, along each axis.
    voxels
        The most that a box has, its margin included; more where the margin alone is larger.

    Examples
    --------
    >>> image = torch.rand(30, 20, 10)
    >>> double = map_tiles(
    ...     lambda x: 2 * x, image, reach=(2, 2, 2), multiple=(4, 4, 4), voxels=2000
    ... )
    >>> bool((double == 2 * image).all())
    True
    """
    channels = image if image.ndim == 4 else image[None]
    out = torch.empty_like(channels[0])
    for box, wide in overlapping_boxes(out.shape, reach, multiple, voxels):
        found = function(channels[(slice(None), *wide)][None])[0, 0]
        inner = tuple(
            slice(b.start - w.start, b.stop - w.start) for b, w in zip(box, wide, strict=True)
        )
        out[box] = found[inner].to(out)
    return out


def overlapping_boxes(
    shape: Sequence[int], reach: Sequence[int], multiple: Sequence[int], voxels: int = _VOXELS
) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Divide a volume into boxes, each with the wider one that it is computed from.

    Parameters
    ----------
    shape
        Of the volume.
    reach
        How far a result may depend on the image, along each axis, in voxels.
    multiple
        What the network pools by, along each axis; every box starts at a multiple of it.
    voxels
        The most that a wider box has; more where the margin alone is larger.

    Yields
    ------
    box, wide
        Slices along every axis. The boxes do not overlap.
    """
    margin = [-(-r // m) * m for r, m in zip(reach, multiple, strict=True)]
    size = _size(shape, margin, multiple, voxels)
    starts = [range(0, n, s) for n, s in zip(shape, size, strict=True)]
    for corner in product(*starts):
        box = tuple(slice(c, min(c + s, n)) for c, s, n in zip(corner, size, shape, strict=True))
        yield (
            box,
            tuple(
                slice(max(0, b.start - m), min(n, b.stop + m))
                for b, m, n in zip(box, margin, shape, strict=True)
            ),
        )


def _size(
    shape: Sequence[int], margin: Sequence[int], multiple: Sequence[int], voxels: int
) -> list[int]:
    """Halve the longest side until a box and its margin are small enough."""
    size = [-(-n // m) * m for n, m in zip(shape, multiple, strict=True)]
    while _volume(size, margin, shape) > voxels:
        longest = max(range(len(size)), key=lambda a: size[a] / multiple[a])
        if size[longest] <= max(multiple[longest], margin[longest]):
            break
        half = -(-size[longest] // (2 * multiple[longest]))
        size[longest] = half * multiple[longest]
    return size


def _volume(size: Sequence[int], margin: Sequence[int], shape: Sequence[int]) -> int:
    out = 1
    for s, m, n in zip(size, margin, shape, strict=True):
        out *= min(n, s + 2 * m)
    return out
