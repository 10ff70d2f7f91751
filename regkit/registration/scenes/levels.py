"""Both scenes at one resolution, on one grid: what windows are cut from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from regkit.geometry.grid import Grid
from regkit.kernels.sampling import sample
from regkit.kernels.smoothing import gaussian
from regkit.kernels.spline import spline_coefficients, spline_sample
from regkit.preprocess.nodata import fill_nodata
from regkit.registration.scenes.features import decibel, edges, standardise
from regkit.registration.scenes.windows import Array
from regkit.transforms import Transform
from regkit.volume.volume import Volume

_WHOLE = 0.99  # of what is mixed into a pixel must be data
_SLAB = 1 << 20


@dataclass(frozen=True, eq=False)
class BandSource:
    """One scene, smoothed to a resolution on its own grid, as the coefficients of a spline."""

    coefficients: Array
    known: torch.Tensor
    grid: Grid

    def on(self, grid: Grid, phi: Transform) -> tuple[Array, Array]:
        """Values ``(C, *shape)`` and where they are data ``(*shape)``, through ``phi``.

        ``phi`` takes world points of ``grid`` to those of the scene.
        """
        values = np.empty((len(self.coefficients), *grid.shape), np.float32)
        known = np.empty(grid.shape, np.float32)
        for rows in grid.slabs(_SLAB):
            index = self.grid.to_index(phi(grid.world_points(rows)))
            values[:, rows] = spline_sample(self.coefficients, index.numpy())
            known[rows] = (sample(self.known, index)[0] >= _WHOLE).numpy()
        return values, known


def source_of(bands: Sequence[Volume], pixels: float, *, radar: bool) -> BandSource:
    """Prepare the bands of a scene that are compared.

    Parameters
    ----------
    bands
        One channel each, on one grid.
    pixels
        The resolution, in pixels of that grid: finer detail is smoothed away.
    radar
        Whether values become decibels first.
    """
    sigma = float(np.sqrt(max(pixels**2 - 1, 0) / 12))
    known = torch.ones(1, *bands[0].grid.shape)
    parts = []
    for band in bands:
        if band.valid is not None:
            known = known * band.valid.float()
        values = fill_nodata(band).data.to(torch.float32)
        if radar:
            values = torch.from_numpy(decibel(values.numpy()))
        parts.append(gaussian(values, sigma))
    return BandSource(spline_coefficients(torch.cat(parts).numpy()), known, bands[0].grid)


def features_of(values: Array, known: Array, similarity: str) -> Array:
    """Make of values what is compared.

    Parameters
    ----------
    values
        ``(C, *shape)``.
    known
        Where they are data, ``(*shape)``.
    similarity
        ``lncc`` or ``edges``.
    """
    found = standardise(values, known)
    return edges(found) if similarity == "edges" else found


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
