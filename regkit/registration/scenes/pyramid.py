"""BandPyramid: one band at a half, a quarter ... of its resolution, read part by part."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from regkit.geometry.affines import Matrix, homogeneous
from regkit.geometry.grid import Grid
from regkit.volume.once import once
from regkit.volume.volume import Volume

PixelBox = tuple[slice, slice]
Means = tuple[Tensor, Tensor | None]
KEPT = 1 << 25  # pixels of the finest level that is held in memory
_STRIP = 1 << 23  # pixels that are read at once
_SOME = 1 << 20  # pixels by which the range of a band is judged
_HALF = 0.5  # the share of data from which on a pixel is known


@dataclass(frozen=True, eq=False)
class BandPyramid:
    """Means of 2 x 2, 4 x 4 ... pixels of a band; levels of few pixels are kept, others read anew.

    Where the voxels of ``band`` lie does not matter: in memory, or in a file that can be read in
    parts. Overviews of files are not used, for nobody knows how they were made: the nearest pixel,
    as many are, is no mean.

    Parameters
    ----------
    band
        One channel.
    keep
        Pixels of the finest level that is kept.
    """

    band: Volume
    keep: int = KEPT

    @property
    def base(self) -> int:
        """The finest level that is kept."""
        level = 0
        while prod(self.shape(level)) > self.keep:
            level += 1
        return level

    @property
    def top(self) -> int:
        """The coarsest level."""
        return max(self.base, max(self.band.shape).bit_length() - 1)

    def shape(self, level: int) -> tuple[int, int]:
        """Pixels along each axis; the last ones may reach beyond the band."""
        columns, rows = (-(-n // 2**level) for n in self.band.shape)
        return columns, rows

    def grid(self, level: int) -> Grid:
        """Where the pixels of a level lie."""
        grid = self.band.grid
        return grid.placed(self.shape(level), grid.affine @ _coarser(2.0**level))

    def part(self, level: int, box: PixelBox) -> Means:
        """Read a part of a level.

        Parameters
        ----------
        level
            0 for the band itself.
        box
            Columns and rows, inside the level.

        Returns
        -------
        values, share
            Means of what is data, ``(*box)`` float32, and how much of each pixel is; None where
            all is.
        """
        if level < self.base:
            return self._read(level, box)
        values, share = self._kept[level - self.base]
        return values[box], None if share is None else share[box]

    def volume(self, level: int) -> Volume:
        """All of a level as an image in memory."""
        columns, rows = self.shape(level)
        values, share = self.part(level, (slice(0, columns), slice(0, rows)))
        known = None if share is None else share >= _HALF
        return Volume(values, self.grid(level), self.band.name, known)

    def small(self, pixels: int) -> Volume:
        """The finest level that has no more than so many pixels, as an image."""
        level = self.base
        while prod(self.shape(level)) > pixels and level < self.top:
            level += 1
        return self.volume(level)

    @once
    def low_and_high(self) -> tuple[float, float] | None:
        """The least and the largest value of the band in few pixels; None where nothing is data."""
        values = _data_of(self.small(_SOME))
        return (float(values.min()), float(values.max())) if len(values) else None

    @once
    def bright(self) -> float:
        """The value that a hundredth of the band passes."""
        values = _data_of(self.small(_SOME))
        return float(np.quantile(values, 0.99)) if len(values) else 1.0

    @property
    def has_contrast(self) -> bool:
        """Whether any two pixels with data differ by more than the rounding of a mean."""
        if self.low_and_high is None:
            return False
        low, high = self.low_and_high
        return high - low > 1e-6 * max(abs(low), abs(high))

    @once
    def _kept(self) -> tuple[Means, ...]:
        """The levels from ``base`` to ``top``."""
        levels = [self._whole(self.base)]
        for _ in range(self.base, self.top):
            levels.append(half_size(*levels[-1]))
        return tuple(levels)

    def _whole(self, level: int) -> Means:
        """A level, read strip by strip: rows are what files keep together."""
        columns, rows = self.shape(level)
        tall = max(1, _STRIP // (columns * 4**level))
        strips = [
            self._read(level, (slice(0, columns), slice(top, min(top + tall, rows))))
            for top in range(0, rows, tall)
        ]
        if len(strips) == 1:
            return strips[0]
        values = torch.cat([each for each, _ in strips], 1)
        if all(share is None for _, share in strips):
            return values, None
        shares = [torch.ones_like(v) if share is None else share for v, share in strips]
        return values, torch.cat(shares, 1)

    def _read(self, level: int, box: PixelBox) -> Means:
        by = 2**level
        start = [axis.start * by for axis in box]
        stop = [min(axis.stop * by, n) for axis, n in zip(box, self.band.shape, strict=True)]
        found = self.band.window(start, [b - a for a, b in zip(start, stop, strict=True)])
        values, share = found.data[0].to(torch.float32), None
        if found.valid is not None and not bool(found.valid.all()):
            share = found.valid.float()
        for _ in range(level):
            values, share = half_size(values, share)
        return values, share


def _data_of(volume: Volume) -> NDArray[np.float32]:
    values = volume.data[0] if volume.valid is None else volume.data[0][volume.valid]
    found: NDArray[np.float32] = values.numpy().ravel()
    return found


def half_size(values: Tensor, share: Tensor | None) -> Means:
    """Means of 2 x 2 pixels, of what is data; a last odd row or column is mixed with itself.

    Parameters
    ----------
    values
        ``(n, m)`` float32.
    share
        How much of each pixel is data; None where all is.

    Examples
    --------
    >>> half_size(torch.tensor([[1.0, 3.0], [5.0, 7.0]]), None)[0].tolist()
    [[4.0]]
    """
    values = _even(values)
    if share is None:
        return _means(values), None
    share = _even(share)
    mixed = _means(share)
    # Where nothing is known the mean does not matter, but it must be a number.
    return _means(values * share) / mixed.clamp(min=1e-6), mixed


def _coarser(factor: float) -> Matrix:
    """From indices of pixels ``factor`` times as large, of one corner, to those of the small."""
    return homogeneous(factor * np.eye(2), [(factor - 1) / 2] * 2)


def _even(values: Tensor) -> Tensor:
    odd = [n % 2 for n in values.shape]
    if not any(odd):
        return values
    return functional.pad(values[None, None], (0, odd[1], 0, odd[0]), mode="replicate")[0, 0]


def _means(values: Tensor) -> Tensor:
    return functional.avg_pool2d(values[None, None], 2)[0, 0]
