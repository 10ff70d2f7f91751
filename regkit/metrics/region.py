"""Find which voxels of a grid a mask covers."""

from __future__ import annotations

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.grid import Grid
from regkit.resample import resample
from regkit.volume.volume import Labels, Volume


def region(mask: Volume | None, grid: Grid) -> Tensor:
    """Return where ``mask``, on any grid of the same world, is above zero.

    Parameters
    ----------
    mask
        Image or labels; its nearest voxel decides, if it has data. Without one, every voxel
        counts.
    grid
        Where the answer is wanted.

    Returns
    -------
    Tensor
        Bool, ``(*grid.shape)``.

    Raises
    ------
    InputError
        If the mask has another dimension, or covers no voxel of the grid.

    Examples
    --------
    >>> import numpy as np
    >>> grid = Grid((2, 2), np.eye(3))
    >>> region(Volume(torch.tensor([[0.0, 3.0], [0.0, 0.0]]), grid), grid).sum().item()
    1
    """
    if mask is None:
        return torch.ones(grid.shape, dtype=torch.bool)
    if mask.ndim != grid.ndim:
        raise InputError(
            f"{mask.name or 'mask'}: the mask has {mask.ndim} axes and the grid {grid.ndim}; "
            "give a mask of the same dimension"
        )
    covered = _covered(mask, grid)
    if not covered.numpy().any():
        raise InputError(
            f"{mask.name or 'mask'}: no voxel above 0 lies on {grid!r}; "
            "give a mask that overlaps the image, or none"
        )
    return covered


def _covered(mask: Volume, grid: Grid) -> Tensor:
    positive = _positive(mask)
    if mask.grid == grid:
        return positive
    return _positive(resample(Labels(positive.byte(), mask.grid, mask.name), grid))


def _positive(mask: Volume) -> Tensor:
    """Where the first channel is above 0 and has data; NumPy tells many times as fast."""
    positive = torch.from_numpy(mask.data[0].cpu().numpy() > 0)
    return positive if mask.valid is None else positive & mask.valid.cpu()
