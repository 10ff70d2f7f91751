"""Patches: what a network is trained on, cut at random from images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# Of the longest axis; from its middle, where the object is.
_HELD_OUT = 0.08
# Voxels beside it that a check sees too.
_AROUND = 4


@dataclass(frozen=True, eq=False)
class Patches:
    """Boxes of images, turned and mirrored at random.

    Parameters
    ----------
    images
        ``(C, i, j, k)`` each, of any shapes. The first channel is the noisy image.
    centres
        Voxels ``(n, 3)`` of each image around which patches may lie.
    size
        Of a patch; an image that is smaller along an axis gives what it has.
    square
        Whether the first two axes may be exchanged: where voxels are as long as they are wide.
    """

    images: Sequence[Tensor]
    centres: Sequence[Tensor]
    size: tuple[int, ...]
    square: bool = True

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """``(count, C, *size)``, all of one image."""
        number = _below(len(self.images), generator)
        image, centres = self.images[number], self.centres[number]
        boxes = [
            _around(centres[_below(len(centres), generator)].tolist(), self.size, image.shape[1:])
            for _ in range(count)
        ]
        cut = torch.stack([image[(slice(None), *box)] for box in boxes])
        return _turned(cut, self.square, generator)


def cut_patches(
    images: Sequence[Tensor], masks: Sequence[Tensor], *, largest: int, square: bool = True
) -> Patches:
    """Prepare patches to be drawn from images, none of which touches a held-out slab.

    Parameters
    ----------
    images
        ``(i, j, k)`` each, or ``(C, i, j, k)`` with the noisy image as first channel.
    masks
        Where the middle of a patch may lie in each image, ``(i, j, k)``.
    largest
        Voxels of a patch along an axis, at most.
    square
        Whether the first two axes may be exchanged.

    Examples
    --------
    >>> image = torch.arange(20.0)[:, None, None].expand(20, 6, 4)
    >>> patches = cut_patches([image], [image >= 0], largest=48)
    >>> patches.size
    (9, 6, 4)
    >>> drawn = patches.draw(8, torch.Generator().manual_seed(0))
    >>> bool(((drawn == 9) | (drawn == 10)).any())
    False
    """
    size = [min([largest, *(mask.shape[a] for mask in masks)]) for a in range(3)]
    for axis, first, _ in (held_out_slab(mask.shape) for mask in masks):
        size[axis] = max(1, min(size[axis], first))
    whole = [image if image.ndim == 4 else image[None] for image in images]
    return Patches(whole, [_centres(mask, size) for mask in masks], tuple(size), square)


def checked_part(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Cut out the held-out slab with what lies around it, and say where the slab itself is.

    A network needs the surroundings of a voxel, those it has learned from too; it is judged in the
    slab alone.

    Examples
    --------
    >>> image = torch.arange(50.0)[:, None, None].expand(50, 6, 4)
    >>> part, inside = checked_part(image, image >= 0)
    >>> part.shape, part[0, 0][inside].unique().tolist()
    (torch.Size([1, 1, 12, 6, 4]), [23.0, 24.0, 25.0, 26.0])
    """
    axis, first, last = held_out_slab(image.shape)
    start = max(0, first - _AROUND)
    size = min(image.shape[axis], last + _AROUND) - start
    inside = torch.zeros_like(mask)
    inside.narrow(axis, first, last - first).copy_(mask.narrow(axis, first, last - first))
    return image.narrow(axis, start, size)[None, None], inside.narrow(axis, start, size)


def held_out_slab(shape: Sequence[int]) -> tuple[int, int, int]:
    """Choose the slab that is kept for checking: its axis, first and last index (exclusive).

    Examples
    --------
    >>> held_out_slab((160, 192, 40))
    (1, 88, 104)
    """
    axis = max(range(len(shape)), key=lambda a: shape[a])
    width = max(1, round(shape[axis] * _HELD_OUT / 2)) * 2
    first = (shape[axis] - width) // 2
    return axis, first, first + width


def _centres(mask: Tensor, size: Sequence[int]) -> Tensor:
    """Voxels of the mask whose patch is clear of the slab; all such voxels, if there are none."""
    axis, first, last = held_out_slab(mask.shape)
    at = torch.arange(mask.shape[axis])
    half = size[axis] // 2
    clear = (at + size[axis] - half <= first) | (at - half >= last)
    clear = clear.view([-1 if a == axis else 1 for a in range(3)]).expand(mask.shape)
    found = (clear & mask).nonzero()
    return found if len(found) else clear.nonzero()


def _around(centre: Sequence[int], size: Sequence[int], shape: Sequence[int]) -> tuple[slice, ...]:
    starts = (
        min(max(0, c - s // 2), max(0, n - s)) for c, s, n in zip(centre, size, shape, strict=True)
    )
    return tuple(slice(start, start + s) for start, s in zip(starts, size, strict=True))


def _turned(patches: Tensor, square: bool, generator: torch.Generator) -> Tensor:
    axes = [axis for axis in (2, 3, 4) if _below(2, generator)]
    out = patches.flip(axes) if axes else patches
    alike = square and out.shape[2] == out.shape[3]
    return out.transpose(2, 3) if alike and _below(2, generator) else out


def _below(limit: int, generator: torch.Generator) -> int:
    return int(torch.randint(limit, (1,), generator=generator))
