"""A level from its other side: fixed is warped onto moving, and the two results meet.

Which image is warped decides where the loss is summed and where the field is smooth, and so a
part of the result; the mean of both directions depends on neither (Christensen and Johnson, IEEE
TMI 2001, couple them by a penalty; here they meet at the end of a level).
"""

from __future__ import annotations

import torch
from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.kernels.fields import invert
from regkit.kernels.warping import warp_index
from regkit.registration.pair import LevelPair, Pair
from regkit.resample import resample


def exchange_level(pair: Pair, at: LevelPair, affine: Matrix) -> LevelPair:
    """Exchange the images of a level on its own grid, with the affine between them applied.

    What is found there is the inverse of what ``at`` looks for.

    Parameters
    ----------
    pair
        The images that the level is of.
    at
        The level.
    affine
        World affine from fixed to moving (4, 4).
    """
    m, still = at.matrix(affine), at.fixed.new_zeros(3, *at.grid.shape)
    everywhere = torch.ones_like(still[0])

    def aligned(image: Tensor) -> Tensor:
        return warp_index(image, m, still, everywhere)[0]

    body = (resample(pair.moving_body, at.moving_grid).data > 0).to(at.fixed)
    return LevelPair(
        grid=at.grid,
        fixed=aligned(at.moving),
        weight=aligned(body)[0],
        moving=at.fixed,
        moving_weight=None if pair.fixed_region is None else at.weight[None],
        moving_grid=at.grid,
        still=at.still,
    )


def mean_with_inverse(there: Tensor, back: Tensor) -> Tensor:
    """Return the mean of ``there`` and of the inverse of ``back``.

    All three are displacements ``(3, *spatial)``, or ``(2, *spatial)``, in voxels of one grid.
    """
    return (there + invert(back)[0]) / 2
