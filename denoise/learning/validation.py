"""Validation: how good a denoiser is, told without a clean image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from denoise.learning.neighbours import sub_image
from denoise.noise.repeats import correlate_noise
from denoise.noise.whiteness import residual_correlation

Denoiser = Callable[[Tensor], Tensor]
# Of sigma: the step of the numerical derivative.
_STEP = 0.1
_SMALLEST = 4


@dataclass(frozen=True)
class Validation:
    """What is known of a denoiser after so many steps of training.

    Parameters
    ----------
    step
        Of training.
    loss
        Mean training loss since the last one; its unit depends on the objective.
    risk
        Stein's estimate of the mean squared error on the held-out slab, over sigma². Unbiased,
        since the network was not trained there: the lowest one is chosen.
    residual
        Variance of what is taken away there, over sigma². Below 1 a little for a good denoiser;
        above 1 where anatomy goes too, near 0 where the network gives the noise back.
    correlation
        The largest correlation of neighbouring voxels of what is taken away.
    neighbours
        Mean squared distance of one denoised sub-image of the slab to another, a voxel beside it,
        over sigma², less the 1 that is the noise of the other: needs no derivative, and includes
        what two neighbouring voxels differ in without noise. It tells when to stop, not how good
        a denoiser is.
    share
        Of the training that is done.
    """

    step: int
    loss: float
    risk: float
    residual: float
    correlation: float
    neighbours: float = float("nan")
    share: float = 1.0


def validate_denoiser(
    denoiser: Denoiser,
    noisy: Tensor,
    mask: Tensor,
    sigma: float,
    *,
    step: int = 0,
    loss: float = float("nan"),
    blur: Sequence[float] = (),
) -> Validation:
    """Measure how well a denoiser does on noisy voxels that it has not learned from.

    The divergence in Stein's estimate is that along one random direction (Ramani, Blu and Unser,
    IEEE TIP 17, 2008, eq. 18), the same at every call.

    Parameters
    ----------
    denoiser
        ``(1, 1, i, j, k)`` to the same shape.
    noisy
        The held-out part, ``(1, 1, i, j, k)``.
    mask
        Where it counts, ``(i, j, k)``, boolean.
    sigma
        Standard deviation of the noise.
    step, loss
        Steps of training so far, and the mean loss since the last check, which are passed on.
    blur
        Standard deviations, in voxels, of the Gaussian that correlated noise is like; see
        :func:`denoise.noise.repeats.blur_of`.

    Examples
    --------
    >>> noisy = torch.randn(1, 1, 24, 24, 24, generator=torch.Generator().manual_seed(0))
    >>> found = validate_denoiser(lambda y: 0.25 * y, noisy, torch.ones(24, 24, 24).bool(), 1.0)
    >>> abs(found.risk - 0.0625) < 0.05  # of a clean image that is zero
    True
    """
    inside = mask[None, None]
    drawn = torch.randn(noisy.shape, generator=torch.Generator().manual_seed(1))
    probe = correlate_noise(drawn, blur).to(noisy)
    with torch.no_grad():
        out = denoiser(noisy)
        moved = denoiser(noisy + _STEP * sigma * probe)
    residual = noisy - out
    divergence = (probe * (moved - out))[inside].mean() / (_STEP * sigma)
    risk = residual[inside].square().mean() / sigma**2 - 1 + 2 * divergence
    variance = residual[inside].var() / sigma**2
    correlation = max(residual_correlation(residual[0, 0], mask), key=abs)
    pairs = neighbour_risk(denoiser, noisy, mask, sigma)
    return Validation(step, loss, float(risk), float(variance), correlation, pairs)


def neighbour_risk(denoiser: Denoiser, noisy: Tensor, mask: Tensor, sigma: float) -> float:
    """Estimate the held-out risk of Neighbor2Neighbor (Huang et al., CVPR 2021), over sigma².

    Parameters
    ----------
    denoiser
        ``(1, 1, i, j, k)`` to the same shape.
    noisy
        The held-out part, ``(1, 1, i, j, k)``.
    mask
        Where it counts, ``(i, j, k)``, boolean.
    sigma
        Standard deviation of the noise.

    Returns
    -------
    float
        NaN where the image is too small for sub-images.

    Examples
    --------
    >>> noise = torch.randn(1, 1, 24, 24, 24, generator=torch.Generator().manual_seed(0))
    >>> risk = neighbour_risk(lambda y: 0.5 * y, noise, torch.ones(24, 24, 24).bool(), 1.0)
    >>> abs(risk - 0.25) < 0.05
    True
    """
    if min(noisy.shape[2:4]) < _SMALLEST:
        return float("nan")
    one, other = (0, 0, 0), (0, 1, 0)
    with torch.no_grad():
        guess = denoiser(sub_image(noisy, one))
    inside = sub_image(mask[None, None], one) & sub_image(mask[None, None], other)
    apart = (guess - sub_image(noisy, other))[inside]
    return float(apart.square().mean() / sigma**2 - 1)


def lowest_risk(found: list[Validation]) -> Validation:
    """Return the check of the lowest risk; the last, if none is a number.

    Examples
    --------
    >>> lowest_risk([Validation(1, 0.0, 0.2, 1.0, 0.0), Validation(2, 0.0, 0.1, 1.0, 0.0)]).step
    2
    """
    numbers = [each for each in found if each.risk == each.risk]
    return min(numbers, key=lambda each: each.risk) if numbers else found[-1]
