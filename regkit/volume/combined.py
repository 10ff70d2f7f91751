"""Images made of others voxel by voxel, when they are touched and part by part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from regkit.volume.deferred import DeferredVoxels, Part, Voxels
from regkit.volume.volume import Volume


@dataclass(frozen=True, eq=False)
class CombinedSource:
    """Voxels made of those of images on one grid; see :class:`regkit.volume.deferred.VoxelSource`.

    Parameters
    ----------
    images
        At least one; the result has its name and its channels.
    combine
        Takes the images, or the same part of each, and gives data and where they are valid.
    dtype
        Of the result.
    """

    images: tuple[Volume, ...]
    combine: Callable[..., Voxels]
    dtype: torch.dtype

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.images[0].name

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the voxels, ``(C, *spatial)``."""
        return (self.images[0].channels, *self.images[0].shape)

    @property
    def in_parts(self) -> bool:
        """A part needs no other."""
        return True

    def read(self, part: Part | None = None) -> Voxels:
        """Combine a part, or all: data ``(C, *spatial)``, and where they are valid."""
        where = part or tuple(slice(0, n) for n in self.images[0].shape)
        start, shape = [s.start for s in where], [s.stop - s.start for s in where]
        return self.combine(*(each.window(start, shape) for each in self.images))


def hidden_where(image: Volume, mask: Volume) -> Volume:
    """The same image without data where ``mask``, which lies on its grid, is above 0."""
    source = CombinedSource((image, mask), _hide, image.dtype)
    return Volume.of_deferred(DeferredVoxels(source), image.grid)


def mask_where(image: Volume, meaning: Callable[[Tensor], Tensor]) -> Volume:
    """Make an image of the same shape that is 1 where ``meaning`` of the values is true, else 0."""

    def combine(part: Volume) -> Voxels:
        return meaning(part.data).to(torch.uint8), None

    return Volume.of_deferred(
        DeferredVoxels(CombinedSource((image,), combine, torch.uint8)), image.grid
    )


def _hide(image: Volume, mask: Volume) -> Voxels:
    clear = ~(mask.data[0] > 0)
    return image.data, clear if image.valid is None else image.valid & clear
