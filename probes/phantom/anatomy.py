"""Anatomy: a real image, its structures, and points that fill them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from probes.flow import Reals, fill_region
from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.volume import Labels, Volume


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A brain without its skull, which the phantom takes apart and deforms.

    Parameters
    ----------
    image
        One channel on a 3-D grid, dark outside the brain.
    labels
        Its structures on the same grid; the region of one is exactly the union of its voxels.
    names
        What structures are called, by their values.

    Raises
    ------
    InputError
        If image and labels do not lie on one 3-D grid, or there is no structure.
    """

    image: Volume
    labels: Labels
    names: Mapping[int, str]

    def __post_init__(self) -> None:
        image, labels = self.image, self.labels
        if image.ndim != 3 or image.channels != 1:
            raise InputError(f"{image.name or 'image'}: a phantom needs a 3-D image of one channel")
        if not labels.grid.lies_on(image.grid):
            raise InputError(
                f"{labels.name or 'labels'}: lies on {labels.grid!r}, the image on {image.grid!r}; "
                "give labels on the grid of the image"
            )
        if not labels.values:
            raise InputError(f"{labels.name or 'labels'}: holds no structure; a phantom needs some")

    @property
    def grid(self) -> Grid:
        """Of the image."""
        return self.image.grid

    @cached_property
    def structures(self) -> tuple[int, ...]:
        """The values that occur."""
        return self.labels.values

    @cached_property
    def _map(self) -> NDArray[np.int64]:
        out: NDArray[np.int64] = self.labels.data[0].numpy().astype(np.int64)
        return out

    def mask_of(self, structures: Iterator[int] | tuple[int, ...]) -> NDArray[np.bool_]:
        """Return where one of ``structures`` is, ``(i, j, k)``."""
        return np.isin(self._map, list(structures))

    def points_in(self, mask: NDArray[np.bool_]) -> Iterator[Reals]:
        """Fill ``mask`` with world points ``(N, 3)`` as :func:`probes.flow.fill_region` does."""
        return fill_region(self.grid, mask)

    def volume_of(self, mask: NDArray[np.bool_]) -> float:
        """Return the volume of ``mask`` in cubic world units."""
        return float(mask.sum()) * self.grid.voxel_volume
