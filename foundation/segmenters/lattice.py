"""Isotropic voxels over an image, as most 3-D networks want them."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from regkit.geometry import Grid
from regkit.geometry.affines import homogeneous
from regkit.resample import warp
from regkit.transforms import Affine
from regkit.volume import Volume


def isotropic_grid(grid: Grid, spacing_mm: float) -> Grid:
    """Cover the field of view with voxels of one size, stored in RAS order.

    Parameters
    ----------
    grid
        Of an image; its axes are kept, its storage order does not matter.
    spacing_mm
        The exact size of the voxels; the last of an axis may reach beyond the field of view.

    Raises
    ------
    InputError
        If the world has no lengths.

    Examples
    --------
    >>> isotropic_grid(Grid((4, 4, 2), np.diag([-1.0, 1.0, 3.0, 1.0])), 1.5)
    Grid(3x3x4, 1.5x1.5x1.5 mm, RAS)
    """
    whole = grid.reoriented("RAS") if grid.world.anatomical else grid
    factor = spacing_mm / grid.world.scale_to("mm") / np.array(whole.spacing)
    shape = np.maximum(1, np.ceil(np.array(whole.shape) / factor - 1e-6)).astype(int)
    step = homogeneous(np.diag(factor), (factor - 1) / 2)
    return whole.placed(shape, whole.affine @ step)


def resample_to_grid(image: Volume, grid: Grid) -> Tensor:
    """Sample an image linearly on a grid: float32 ``(C, *grid.shape)``, 0 outside the image."""
    smooth = Volume(image.data.float(), image.grid, image.name)
    return warp(smooth, Affine.identity(grid.ndim), onto=grid).data


def probabilities_on(
    logits: Tensor, grid: Grid, image: Volume, *, outside: float = -30.0
) -> Volume:
    """Bring logits from the grid of a network onto that of an image, as probabilities.

    Parameters
    ----------
    logits
        ``(1, *grid.shape)``.
    grid
        Where the network saw the image.
    image
        On whose grid they are wanted.
    outside
        The logit of what the network did not see.

    Returns
    -------
    Volume
        ``(1, *image.shape)`` float32 from 0 to 1.
    """
    part = Volume(logits.float(), grid, image.name)
    whole = warp(part, Affine.identity(grid.ndim), onto=image.grid, outside=outside)
    return whole.with_data(whole.data.sigmoid())
