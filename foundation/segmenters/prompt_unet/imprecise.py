"""Make masks and boxes worse, for training: on a cube of isotropic voxels, reproducibly."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from foundation.prompts import Box

_KINDS = 6


def worse_mask(mask: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Dilate, erode, hollow, shift or cut a mask, or leave it as it is, by chance.

    Parameters
    ----------
    mask
        ``(i, j, k)`` boolean, of isotropic voxels.
    most
        The largest change, as a share of the longest side of the mask.
    generator
        Of the CPU.

    Returns
    -------
    Tensor
        ``(i, j, k)`` boolean; the mask itself where nothing would be left of it.
    """
    kind = int(torch.randint(_KINDS, (), generator=generator))
    inside = mask.numpy()
    amount = most * _side(inside) * _chance(generator)
    found = torch.from_numpy(_changed(inside, kind, amount, generator))
    return found if bool(found.any()) else mask


def worse_box(box: Box, most: float, generator: torch.Generator) -> Box:
    """Move each face of a box by up to ``most`` times its longest side, in or out.

    Parameters
    ----------
    box
        In world units.
    most
        A share.
    generator
        Of the CPU.
    """
    steps = most * max(box.size) * (2 * torch.rand(6, generator=generator, dtype=torch.float64) - 1)
    return box.moved(steps[:3].tolist(), steps[3:].tolist())


def _changed(
    mask: NDArray[np.bool_], kind: int, amount: float, generator: torch.Generator
) -> NDArray[np.bool_]:
    if kind == 0:
        return mask
    if kind == 1:
        return np.asarray(ndimage.distance_transform_edt(~mask) <= amount + 0.5)
    if kind == 2:
        return np.asarray(ndimage.distance_transform_edt(mask) > amount)
    if kind == 3:
        depth = ndimage.distance_transform_edt(mask)
        return np.asarray((depth > 0) & (depth <= max(amount / 2, 1.0)))
    direction = torch.randn(3, generator=generator).double().numpy()
    direction /= max(float(np.linalg.norm(direction)), 1e-6)
    return _moved(mask, direction * amount) if kind == 4 else _cut(mask, direction, generator)


def _moved(mask: NDArray[np.bool_], shift: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(ndimage.shift(mask.astype(np.uint8), np.rint(shift), order=0) > 0)


def _cut(
    mask: NDArray[np.bool_], direction: NDArray[np.float64], generator: torch.Generator
) -> NDArray[np.bool_]:
    """Leave what lies on one side of a plane: from a third of the mask to nearly all of it."""
    along = np.indices(mask.shape).reshape(3, -1).T @ direction
    along = along.reshape(mask.shape)
    bound = np.quantile(along[mask], 0.35 + 0.6 * _chance(generator))
    return np.asarray(mask & (along <= bound))


def _side(mask: NDArray[np.bool_]) -> float:
    return float(max(np.ptp(axis) + 1 for axis in np.nonzero(mask)))


def _chance(generator: torch.Generator) -> float:
    return float(torch.rand((), generator=generator))
