"""An image prepared for registration, once: all that engines want of it and of no other image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch

from regkit.errors import InputError
from regkit.preprocess.channels import counted_channels, mean_channel, shares_of
from regkit.preprocess.foreground import foreground, unit_length
from regkit.preprocess.intensity import Modality, normalise
from regkit.registration.canonical import canonical
from regkit.registration.outside import straight
from regkit.registration.pyramid import Pyramid
from regkit.resample import straighten
from regkit.volume.once import once
from regkit.volume.volume import AnyVolume, Labels, Volume

_CUT = 0.1  # share of the outermost voxels; a neck at the lower border of a head is less


class SameChange(Protocol):
    """What images and masks go through alike; the same object where nothing changes."""

    def __call__(self, volume: AnyVolume, /) -> AnyVolume:
        """What comes out."""


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """One image, and what registration needs of it alone, each computed when it is first wanted.

    :func:`regkit.prepare` makes it, and :func:`regkit.register` takes it as fixed or as moving, in
    any number of calls and threads. What was computed is pickled along.

    Parameters
    ----------
    image
        As it was read; its voxels must not change any more.
    mask
        Where it counts: 0 and 1 on its own grid, or None for everywhere.
    modality
        How its intensities come to [0, 1].
    shares
        What each of its channels counts, in all 1; all alike if empty.
    """

    image: Volume
    mask: Labels | None = None
    modality: Modality = "auto"
    shares: tuple[float, ...] = ()

    @property
    def positive_shares(self) -> tuple[float, ...]:
        """Those of the channels that count."""
        return tuple(share for share in self._shares if share > 0)

    @property
    def _shares(self) -> tuple[float, ...]:
        return self.shares or shares_of(self.image.channels)

    @once
    def normal(self) -> Volume:
        """The channels that count, in canonical orientation and [0, 1], float32."""
        return normalise(canonical(counted_channels(self.image, self._shares)), self.modality)

    @once
    def mean(self) -> Volume:
        """One channel, the mean of those of ``normal``."""
        return mean_channel(self.normal, self.positive_shares)

    @once
    def levels(self) -> Pyramid:
        """``normal`` at the resolutions that engines asked for."""
        return Pyramid(self.normal.data)

    @once
    def unit(self) -> float:
        """The length in its world that stands for one of the millimetres of a configuration."""
        return unit_length(self.mean)

    @once
    def body(self) -> Labels:
        """Where it has tissue, or its mask, on the grid of ``normal``."""
        if self.mask is None:
            return _with_data(foreground(self.mean, self.unit), self.normal)
        return _with_data(canonical(self.mask), self.normal)

    @once
    def scope(self) -> Labels:
        """Where it counts for the linear engine as fixed: its mask or everything.

        But the tissue alone where the field of view cuts through it.
        """
        if self.mask is not None or is_truncated(self.body):
            return self.body
        return _with_data(everything(self.normal), self.normal)

    @once
    def counted(self) -> Labels | None:
        """Where it counts by its mask and by where it has data; None if that is everywhere."""
        if self.mask is None and self.normal.valid is None:
            return None
        mask = everything(self.normal) if self.mask is None else canonical(self.mask)
        return _with_data(mask, self.normal)

    @once
    def straight(self) -> PreparedImage:
        """On axes at right angles, as a fixed image must be; itself where they are."""
        image = straight(self.image, self.modality)
        mask = None if self.mask is None else straighten(self.mask)
        return self._as(image, mask)

    def counting(self, shares: tuple[float, ...]) -> PreparedImage:
        """The same with channels that count otherwise, prepared anew; itself where they do not."""
        return self if shares == self._shares else replace(self, shares=shares)

    def through(self, change: SameChange) -> PreparedImage:
        """Image and mask after ``change``, prepared anew; itself where nothing changes."""
        return self._as(change(self.image), None if self.mask is None else change(self.mask))

    def _as(self, image: Volume, mask: Labels | None) -> PreparedImage:
        return self if image is self.image else replace(self, image=image, mask=mask)


def is_truncated(body: Labels) -> bool:
    """Tell whether a body goes on beyond its image: it fills a tenth of the outermost voxels."""
    mask = body.data[0] > 0
    axes = [axis for axis, n in enumerate(mask.shape) if n > 1]
    faces = [mask.select(axis, end).flatten() for axis in axes for end in (0, -1)]
    return bool(faces) and float(torch.cat(faces).float().mean()) >= _CUT


def everything(image: Volume) -> Labels:
    """Label all of the field of view of an image 1."""
    return Labels(torch.ones(1, *image.grid.shape, dtype=torch.uint8), image.grid)


def _with_data(mask: Labels, image: Volume) -> Labels:
    """``mask`` where ``image``, on the same grid, has data.

    Raises
    ------
    InputError
        If that is nowhere.
    """
    if image.valid is None:
        return mask
    inside = mask.data * image.valid
    if not bool(inside.any()):
        raise InputError(
            f"{image.name or 'image'}: has no data where its mask or its foreground is; give "
            "another mask, or another value of padding"
        )
    return mask.with_data(inside)
