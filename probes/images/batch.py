"""Batch: images with what belongs to them, which suppressors take and return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from probes.images.bands import Bands


@dataclass(frozen=True, eq=False)
class Batch:
    """Images of one size, and what lies on their grid.

    Parameters
    ----------
    images
        ``(B, C, *spatial)``, floating point, in any unit.
    bands
        Statistics of the data set that they are from.
    valid
        ``(B, 1, *spatial)``: where they have data; everywhere if None.
    labels
        ``(B, 1, *spatial)``: integer labels that go where the voxels go, if any.
    """

    images: Tensor
    bands: Bands
    valid: Tensor | None = None
    labels: Tensor | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of an image."""
        return tuple(self.images.shape[2:])

    def showing(self, images: Tensor) -> Batch:
        """Return the same places with other values; where there are no data nothing changes."""
        if self.valid is not None:
            images = images.where(self.valid, self.images)
        return replace(self, images=images)

    def moved(self, move: Callable[[Tensor], Tensor]) -> Batch:
        """Return the batch with images, valid and labels moved alike."""
        valid = None if self.valid is None else move(self.valid)
        labels = None if self.labels is None else move(self.labels)
        return replace(self, images=move(self.images), valid=valid, labels=labels)
