"""Symmetric sampling: what two opposite starts have in common."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from denoise.config import Solver
from regkit.optional_packages import diffusers

# What a state and the level of its noise (0 to 1) are denoised to: (i, j, k) to (i, j, k).
Predictor = Callable[[Tensor, float], Tensor]


def scheduler(solver: Solver = "ddim") -> Any:
    """Make a scheduler of diffusers, set for few deterministic steps from pure noise.

    Nothing is clipped, steps trail, and the network predicts the image itself: errors of a
    predicted noise would be divided by a signal that is nearly gone at the first step.

    Raises
    ------
    InputError
        If diffusers is not installed.
    """
    package = diffusers("denoise")
    same = {"beta_schedule": "squaredcos_cap_v2", "prediction_type": "sample"}
    if solver == "dpm":
        return package.DPMSolverMultistepScheduler(
            **same, algorithm_type="dpmsolver++", solver_order=2, timestep_spacing="trailing"
        )
    return package.DDIMScheduler(**same, clip_sample=False, timestep_spacing="trailing")


def sample_volume(
    predict: Predictor, start: Tensor, *, steps: int, solver: Solver = "ddim"
) -> Tensor:
    """Run the deterministic sampler from noise to an image.

    Parameters
    ----------
    predict
        The network with its condition: a state and the level of its noise, 0 to 1, to an image.
    start
        Standard normal noise of the whole volume, ``(i, j, k)``.
    steps
        How often the network is called.
    solver
        ``ddim``, or ``dpm`` for DPM-Solver++.

    Returns
    -------
    Tensor
        ``(i, j, k)``, on the scale of the network.
    """
    made = scheduler(solver)
    with warnings.catch_warnings():  # diffusers has not caught up with numpy 2
        warnings.simplefilter("ignore", DeprecationWarning)
        made.set_timesteps(steps)
    state = start
    for time in made.timesteps:
        clean = predict(state, float(time) / made.config.num_train_timesteps)
        state = made.step(clean, time, state).prev_sample
    return state


def symmetric(
    predict: Predictor,
    like: Tensor,
    *,
    generator: torch.Generator,
    steps: int = 5,
    pairs: int = 1,
    solver: Solver = "ddim",
) -> tuple[Tensor, Tensor]:
    """Average samples from pairs of opposite starts, and measure how far apart each pair ends.

    What a sampler makes of +z and -z has an even and an odd part in z; the mean of the two is
    without the odd one, and one pair gives the exact mean where the sampler is affine in z.

    Parameters
    ----------
    predict
        The network with its condition.
    like
        Shape and type of the result.
    generator
        Draws one start a pair, for the whole volume at once.
    steps, pairs, solver
        Of the sampler.

    Returns
    -------
    mean, spread
        ``(i, j, k)``. The spread is half the distance of two opposite ends, over the pairs: no
        calibrated error.

    Examples
    --------
    >>> zero, generator = torch.zeros(4, 4, 4), torch.Generator().manual_seed(0)
    >>> affine = lambda x, t: 3 + 0.2 * x
    >>> mean, _ = symmetric(affine, zero, generator=generator)
    >>> bool(torch.allclose(mean, sample_volume(affine, zero, steps=5), atol=1e-5))
    True
    """
    total, apart = torch.zeros_like(like), torch.zeros_like(like)
    for _ in range(pairs):
        start = torch.randn(like.shape, generator=generator).to(like)
        ends = [
            sample_volume(predict, sign * start, steps=steps, solver=solver) for sign in (1.0, -1.0)
        ]
        total += (ends[0] + ends[1]) / (2 * pairs)
        apart += (ends[0] - ends[1]).square() / (4 * pairs)
    return total, apart.sqrt()
