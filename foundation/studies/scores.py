"""Compare what a model found of one structure with the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from regkit.metrics import dice, surface_dice, surface_distances
from regkit.volume import Labels

Region = tuple[list[int], list[int]]


@dataclass(frozen=True)
class MaskScore:
    """How a mask compares with the truth.

    Parameters
    ----------
    dice, surface_dice
        From 0 to 1.
    hd95
        The 95th percentile of the distance of the surfaces, in world units; None where the mask is
        empty and there is no surface to measure from.
    volume_error
        The difference of the volumes, as a share of the true one.
    """

    dice: float
    surface_dice: float
    hd95: float | None
    volume_error: float


def score_mask(mask: Labels, truth: Labels, tolerance: float) -> MaskScore:
    """Compare a mask with the truth, which must not be empty.

    Parameters
    ----------
    mask, truth
        ``(1, i, j, k)`` of one grid, 1 inside the structure and 0 outside.
    tolerance
        Of the surface Dice, in world units.

    Returns
    -------
    MaskScore
        Of an empty mask: 0, 0, no distance, and a volume error of -1.

    Examples
    --------
    >>> import numpy as np
    >>> one = Labels(np.ones((4, 4, 4), np.uint8), np.eye(4))
    >>> score_mask(one, one, 1.0)
    MaskScore(dice=1.0, surface_dice=1.0, hd95=0.0, volume_error=0.0)
    """
    found, real = (int(each.data.count_nonzero()) for each in (mask, truth))
    if not found:
        return MaskScore(0.0, 0.0, None, -1.0)
    start, shape = _region((mask.data[0] | truth.data[0]) > 0)
    near, true = (each.window(start, shape) for each in (mask, truth))
    return MaskScore(
        dice(near, true, [1])[1],
        surface_dice(near, true, tolerance, [1])[1],
        surface_distances(near, true, [1])[1].hd95,
        found / real - 1,
    )


def structure(labels: Labels, values: tuple[int, ...]) -> Labels:
    """Return the map ``(1, i, j, k)`` of one structure: 1 where a label has one of ``values``."""
    wanted = torch.tensor(values, dtype=labels.data.dtype)
    return Labels(torch.isin(labels.data, wanted), labels.grid, labels.name)


def _region(inside: Tensor) -> Region:
    """Start and shape of the box of what is True, which :meth:`Labels.window` takes."""
    seen = inside.numpy()
    start, shape = [], []
    for axis in range(seen.ndim):
        others = tuple(other for other in range(seen.ndim) if other != axis)
        places = np.flatnonzero(seen.any(axis=others))
        start.append(int(places[0]))
        shape.append(int(places[-1] - places[0]) + 1)
    return start, shape
