"""What the linear engine minimises: the similarity of the overlap, and a prior on stretches.

Mutual information is counted for the whole of the smaller image: losing overlap costs what the
lost voxels told, so that neither little overlap nor a blown-up image can look good.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.kernels.warping import affine_force
from regkit.losses.similarity import Similarity
from regkit.registration.linear_parameters import stretch_energy
from regkit.registration.pair import LevelPair, Pair, at_spacing, level, with_soft_border

_LEAST_OVERLAP = 0.25
_PRIOR = 0.1  # of half a squared Hencky strain, in nats or in losses of a blank image


def linear_level(
    pair: Pair, spacing: float, similarity: Similarity, start: Matrix | None = None
) -> LevelPair:
    """Prepare the level of a pair on which the linear engine works.

    Parameters
    ----------
    pair
        The images at body scale.
    spacing
        Size of the working voxels in world units; never finer than the working grid.
    similarity
        Of all channels of the pair; its features are compared.
    start
        World affine from fixed to moving (4, 4) near the result, by which features that know
        directions are turned; the identity if None.
    """
    at = with_soft_border(
        level(pair, at_spacing(pair.grid, spacing), similarity, pair.scope, start)
    )
    return with_blank(at, similarity)


def with_blank(at: LevelPair, similarity: Similarity) -> LevelPair:
    """Note the loss of an image that shows nothing, against which overlap is counted."""
    return replace(at, blank=similarity.value(at.fixed, _blank(at), at.weight))


def evaluate(at: LevelPair, affine: Matrix, similarity: Similarity) -> float:
    """Return the loss of an affine on one level; lower is better.

    No overlap costs more than an image that shows nothing, and stretches and shears cost a little.

    Parameters
    ----------
    at
        The level.
    affine
        World affine from fixed to moving (4, 4).
    similarity
        Of all channels of the pair.
    """
    warped, weight = warp_level(at, affine)
    share = _share(at, weight)
    value = similarity.value(at.fixed, warped, weight) if share > 0 else at.blank
    return _overlapped(at, value, share, similarity)[0] + _prior(at, affine, similarity)[0]


def value_and_gradient(
    at: LevelPair, affine: Matrix, similarity: Similarity
) -> tuple[float, Matrix]:
    """Return the loss of an affine on one level, and its derivative.

    Parameters
    ----------
    at
        The level.
    affine
        World affine from fixed to moving (4, 4).
    similarity
        Of all channels of the pair.

    Returns
    -------
    loss, gradient
        What :func:`evaluate` gives, and its derivative by the first three rows of ``affine``,
        ``(3, 4)``.
    """
    warped, weight = warp_level(at, affine)
    share = _share(at, weight)
    if share == 0:
        return evaluate(at, affine, similarity), np.zeros((3, 4))
    crossing = _crossing(at, weight)
    value, upstream, by_weight = similarity.value_and_gradients(at.fixed, warped, weight, crossing)
    loss, factor, slope = _overlapped(at, value, share, similarity)
    pull = torch.empty(len(at.seen), *weight.shape, device=weight.device)
    torch.mul(upstream, factor, out=pull[: len(upstream)])
    if at.moving_weight is not None:  # how the loss changes as voxels cross its border
        by_weight = by_weight if similarity.informs else by_weight.new_tensor(slope)
        torch.mul(crossing, by_weight / at.total, out=pull[-1])
    by_index = affine_force(at.seen, at.matrix(affine), pull)
    turn = at.moving_grid.inverse_affine[:3, :3]
    energy, by_affine = _prior(at, affine, similarity)
    out: Matrix = turn.T @ by_index @ at.grid.affine.T + by_affine
    return loss + energy, out


def _overlapped(
    at: LevelPair, value: float, share: float, similarity: Similarity
) -> tuple[float, float, float]:
    """The loss of a ``value`` where a ``share`` overlaps, and its slopes by both.

    Information adds up over voxels. A mean does not, and little overlap can make any of it: below
    a quarter it costs, up to what an image that shows nothing costs.
    """
    if similarity.informs:
        return share * value, share, value
    lack = max(0.0, 1 - share / _LEAST_OVERLAP)
    return value + at.blank * lack**2, 1.0, -2 * at.blank * lack / _LEAST_OVERLAP


def warp_level(at: LevelPair, affine: Matrix) -> tuple[Tensor, Tensor]:
    """Warp the moving features of a level by an affine.

    Parameters
    ----------
    at
        The level.
    affine
        World affine from fixed to moving (4, 4).

    Returns
    -------
    warped, weight
        Features ``(C, *shape)`` on the grid of the level, and how much each voxel counts in both
        images, ``(*shape)``.
    """
    still = torch.zeros(3, 1, 1, 1, device=at.fixed.device)
    return at.warped(at.matrix(affine), still)


def _blank(at: LevelPair) -> Tensor:
    """An image that shows nothing: the mean of fixed everywhere."""
    dims = (1, 2, 3)
    mean = (at.fixed * at.weight).sum(dims, keepdim=True) / at.weight.sum().clamp(min=1e-6)
    return mean.expand_as(at.fixed).contiguous()


def _share(at: LevelPair, weight: Tensor) -> float:
    """How much of where fixed counts lies in moving."""
    return float(weight.sum()) / at.total


def _crossing(at: LevelPair, weight: Tensor) -> Tensor:
    """Weight of fixed where that of moving is neither 0 nor 1: elsewhere it is flat."""
    # PyTorch compares numbers many times as slowly as it multiplies them.
    return (at.weight - weight).mul_(weight).sign_().clamp_(min=0).mul_(at.weight)


def _prior(at: LevelPair, affine: Matrix, similarity: Similarity) -> tuple[float, Matrix]:
    """What stretches and shears cost, and its derivative by the upper ``(3, 4)``."""
    energy, by_linear = stretch_energy(affine[:3, :3])
    weight = _PRIOR * (1.0 if similarity.informs else at.blank)
    return weight * energy, np.pad(weight * by_linear, ((0, 0), (0, 1)))
