"""Cubic B-splines of images, which blur half a voxel away from their voxels far less than lines."""

from __future__ import annotations

import numpy as np
import torch

from probes.flow.flow import Reals
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix
from regkit.kernels.cpu import needed_loops
from regkit.volume import Volume


class SplineImage:
    """The cubic B-spline through the voxels of an image of one channel; 0 beyond its grid.

    Parameters
    ----------
    image
        3-D.
    """

    def __init__(self, image: Volume) -> None:
        from scipy.ndimage import spline_filter

        voxels = image.data[0].numpy().astype(np.float64)
        self._coefficients = spline_filter(voxels, mode="mirror").astype(np.float32)
        self._grid = image.grid

    def at(self, points: Reals) -> Reals:
        """Return the values at world points ``(N, 3)``, as ``(N,)``."""
        into = self._grid.inverse_affine
        index = np.ascontiguousarray(points @ into[:3, :3].T + into[:3, 3])
        out = np.empty(len(index))
        needed_loops().spline_values(self._coefficients, index, out)
        return out

    def on(self, grid: Grid, matrix: Matrix) -> Volume:
        """Resample the image through an affine.

        Parameters
        ----------
        grid
            Of the result, a float32 volume.
        matrix
            ``(4, 4)``, world points of ``grid`` to world points of the image.
        """
        data = torch.empty(grid.shape)
        for rows in grid.slabs(1 << 20):
            points = grid.world_points(rows).numpy().reshape(-1, 3)
            values = self.at(points @ matrix[:3, :3].T + matrix[:3, 3])
            data[rows] = torch.from_numpy(values).float().reshape(-1, *grid.shape[1:])
        return Volume(data, grid)
