"""Cover: the pixels of a grid that windows need, which is all of them only where windows touch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from regkit.geometry.grid import Grid
from regkit.registration.scenes.windows import Floats, WindowLayout

Lines = NDArray[np.int64]
_LONGEST = 512  # lines that are sampled at once


@dataclass(frozen=True, eq=False)
class Cover:
    """Columns and rows of a grid, with gaps where windows lie apart.

    Windows form a lattice, so that what they need is a product of columns and rows: an image of
    its own, in which gaps are closed.

    Parameters
    ----------
    grid
        That of a level.
    columns, rows
        The numbers of those that are needed, in order.
    starts
        Columns and rows of ``grid`` at which windows begin.
    """

    grid: Grid
    columns: Lines
    rows: Lines
    starts: tuple[Lines, Lines]

    @classmethod
    def of(cls, grid: Grid, window: WindowLayout, margin: int) -> Cover:
        """Cover all windows of a layout, and so many pixels around each."""
        starts = window.starts(grid.shape)
        columns, rows = (
            _near(each, window.size, margin, n) for each, n in zip(starts, grid.shape, strict=True)
        )
        return cls(grid, columns, rows, starts)

    @property
    def shape(self) -> tuple[int, int]:
        """Of the image without gaps."""
        return len(self.columns), len(self.rows)

    @property
    def corners(self) -> tuple[Lines, Lines]:
        """First pixels of all windows ``(N, 2)``, in the image without gaps and on the grid."""
        outer = _product(self.starts)
        return self.closed(outer), outer

    def closed(self, index: Lines) -> Lines:
        """Turn indices of the grid ``(N, 2)`` into those of the image without gaps."""
        lines = (self.columns, self.rows)
        found = [np.searchsorted(line, at) for line, at in zip(lines, index.T, strict=True)]
        return np.stack(found, -1).astype(np.int64)

    def nearest(self, corners: Floats) -> Lines:
        """The first pixels of the windows nearest to ``(N, 2)``, on the grid."""
        found = [
            starts[np.abs(starts[:, None] - wanted).argmin(0)]
            for starts, wanted in zip(self.starts, corners.T, strict=True)
        ]
        return np.stack(found, -1)

    def world_points(self, columns: slice, rows: slice) -> torch.Tensor:
        """World positions of a part of the image without gaps, ``(n, m, 2)`` float64."""
        axes = [torch.from_numpy(self.columns[columns]), torch.from_numpy(self.rows[rows])]
        index = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).double()
        return self.grid.to_world(index)

    def chunks(self, axis: int) -> Iterator[slice]:
        """Ranges of the image without gaps along an axis that hold no gap, none of them long."""
        lines = (self.columns, self.rows)[axis]
        ends = [*(np.flatnonzero(np.diff(lines) > 1) + 1).tolist(), len(lines)]
        start = 0
        for end in ends:
            for first in range(start, end, _LONGEST):
                yield slice(first, min(first + _LONGEST, end))
            start = end


def _near(starts: Lines, size: int, margin: int, length: int) -> Lines:
    needed = np.zeros(length, bool)
    for start in starts:
        needed[max(start - margin, 0) : start + size + margin] = True
    return np.flatnonzero(needed)


def _product(axes: tuple[Lines, Lines]) -> Lines:
    both: Lines = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    return both
