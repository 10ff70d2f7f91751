"""Bands of a scene at one resolution, sampled where windows need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regkit.geometry.grid import Grid, is_inside
from regkit.kernels.heap import give_back_memory
from regkit.kernels.interpolation import sample_smoothly
from regkit.kernels.sampling import sample
from regkit.kernels.smoothing import gaussian
from regkit.kernels.spline import spline_coefficients
from regkit.preprocess.nodata import fill_nodata
from regkit.registration.scenes.cover import Cover
from regkit.registration.scenes.features import decibel
from regkit.registration.scenes.pyramid import BandPyramid, Means, PixelBox
from regkit.registration.scenes.windows import Array, Floats
from regkit.transforms import Transform
from regkit.volume.volume import Volume

_WHOLE = 0.99  # of what is mixed into a pixel must be data
_MARGIN = 12  # pixels, from where on the border of a part has no effect on its spline
_TOGETHER = 1 << 25  # pixels that are read at once for several parts


@dataclass(frozen=True, eq=False)
class BandSource:
    """The bands of one scene that are compared, smoothed to a resolution.

    Parameters
    ----------
    bands
        On one grid.
    pixels
        The resolution in pixels of that grid; finer detail is averaged away.
    radar
        Whether values become decibels.
    """

    bands: tuple[BandPyramid, ...]
    pixels: float
    radar: bool = False

    @property
    def level(self) -> int:
        """The coarsest level of the pyramids that is as fine as the resolution."""
        return min(int(np.log2(max(self.pixels, 1)) + 1e-6), self.bands[0].top)

    @property
    def sigma(self) -> float:
        """What is still to be smoothed, in pixels of the level.

        Pixels ``f`` times as large have a second moment that is ``(f**2 - 1) / 12`` larger.
        """
        return float(np.sqrt(max((self.pixels / 2**self.level) ** 2 - 1, 0) / 12))

    def on(self, cover: Cover, phi: Transform) -> tuple[Array, Array]:
        """Values ``(C, *shape)`` and where they are data ``(*shape)``, through ``phi``.

        Parameters
        ----------
        cover
            The pixels that are wanted.
        phi
            World points of ``cover`` to those of the scene.
        """
        values = np.zeros((len(self.bands), *cover.shape), np.float32)
        known = np.zeros(cover.shape, np.float32)
        grid, every = self.bands[0].grid(self.level), slice(0, cover.shape[0])
        for rows in cover.chunks(1):
            index = grid.to_index(phi(cover.world_points(every, rows))).numpy()
            self._fill(values[:, :, rows], known[:, rows], index, list(cover.chunks(0)))
            give_back_memory()
        return values, known

    def _fill(self, values: Array, known: Array, index: Floats, parts: list[slice]) -> None:
        """Sample the parts of some rows; what all of them need is read at once, if not too much."""
        shape = self.bands[0].shape(self.level)
        whole = box_around(index, shape)
        if whole is None:
            return
        area = np.prod([axis.stop - axis.start for axis in whole])
        held = self._read(whole) if area <= _TOGETHER else None
        for columns in parts:
            box = box_around(index[columns], shape)
            if box is not None:
                parted = self._read(box) if held is None else _cut(held, whole, box)
                values[:, columns], known[columns] = self._sampled(parted, index[columns], box)

    def _read(self, box: PixelBox) -> list[Means]:
        return [each.part(self.level, box) for each in self.bands]

    def _sampled(self, parts: list[Means], index: Floats, box: PixelBox) -> tuple[Array, Array]:
        inner = index - [axis.start for axis in box]
        smooth = [self._smooth(n, *each) for n, each in enumerate(parts)]
        coefficients = torch.from_numpy(spline_coefficients(torch.cat(smooth).numpy()))
        where, shape = torch.from_numpy(inner), parts[0][0].shape
        values = sample_smoothly(coefficients, where, "cubic").numpy()
        shares = [share >= 0.5 for _, share in parts if share is not None]
        if not shares:
            return values, is_inside(where, shape).float().numpy()
        known = torch.stack(shares).all(0)[None].float()
        return values, (sample(known, where)[0] >= _WHOLE).float().numpy()

    def _smooth(self, number: int, values: Tensor, share: Tensor | None) -> Tensor:
        """One band of a part ``(1, n, m)``; what is no data is filled from beside."""
        if share is not None:
            part = Volume(values, np.eye(3), valid=share >= 0.5)
            values = fill_nodata(part).data[0]
        if self.radar:
            values = torch.from_numpy(decibel(values.numpy(), self.bands[number].bright))
        return gaussian(values[None], self.sigma) if self.sigma else values[None]


def box_around(index: NDArray[np.float64], shape: Sequence[int]) -> PixelBox | None:
    """The pixels of an image of ``shape`` that a spline needs at ``(..., 2)``; None for none."""
    columns = [index[..., axis] for axis in range(2)]  # by itself: ten times as fast as both
    low = np.maximum([int(np.floor(each.min())) - _MARGIN for each in columns], 0)
    high = np.minimum([int(np.ceil(each.max())) + _MARGIN + 1 for each in columns], shape)
    if (low >= high).any():
        return None
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))


def _cut(held: list[Means], whole: PixelBox, box: PixelBox) -> list[Means]:
    inner = tuple(
        slice(part.start - outer.start, part.stop - outer.start)
        for part, outer in zip(box, whole, strict=True)
    )
    return [(v[inner], None if share is None else share[inner]) for v, share in held]


def pixels_across(grid: Grid, phi: Transform, onto: Grid) -> float:
    """How many pixels of another grid one pixel of a grid is wide, in its middle.

    Parameters
    ----------
    grid
        Whose pixels are measured.
    phi
        World points of ``grid`` to world points of ``onto``.
    onto
        In whose pixels.
    """
    middle = torch.from_numpy(grid.centre)[None]
    steps = torch.from_numpy(grid.affine[:-1, :-1].T.copy())
    apart = onto.to_index(phi(middle + steps)) - onto.to_index(phi(middle))
    return float(torch.linalg.det(apart).abs().sqrt())


def level_grid(fixed: Grid, factor: float) -> Grid:
    """The grid of fixed in pixels ``factor`` times as large; itself for 1."""
    return fixed if factor == 1 else fixed.with_spacing([factor * s for s in fixed.spacing])
