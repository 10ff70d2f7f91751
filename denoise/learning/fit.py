"""Fit a network to noisy patches, and keep the checkpoint that does best on what it never saw."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from denoise.learning.objective import Objective
from denoise.learning.patches import Patches
from denoise.learning.validation import Validation, lowest_risk, validate_denoiser
from denoise.networks.layers import to_channels_last
from denoise.networks.precision import precision
from regkit.training.average import Average

_WARM, _LAST_RATE, _CLIP = 50, 0.01, 1.0


@dataclass(frozen=True)
class TrainingSchedule:
    """How long, and how fast: Adam, whose rate rises over 50 steps and falls as a cosine.

    The network is checked before the first step, and ``checks`` times from then on. ``average``
    is how much of the running average of the weights a step keeps; the average is what is checked
    and kept. 0: the weights themselves.
    """

    steps: int = 3000
    rate: float = 2e-3
    batch: int = 1
    checks: int = 12
    average: float = 0.0

    def factor(self, step: int) -> float:
        """Of the rate, at a step."""
        warm = min(1.0, (step + 1) / _WARM)
        fallen = (1 + math.cos(math.pi * min(1.0, step / self.steps))) / 2
        return warm * (_LAST_RATE + (1 - _LAST_RATE) * fallen)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A noisy image that is not trained on: ``(1, 1, i, j, k)``, and where it counts.

    ``blur`` is that of correlated noise, along each axis.
    """

    noisy: Tensor
    mask: Tensor
    blur: tuple[float, ...] = ()


def fit(
    network: nn.Module,
    objective: Objective,
    patches: Patches,
    check: HeldOut,
    sigma: float,
    *,
    schedule: TrainingSchedule,
    generator: torch.Generator,
    watch: Callable[[Validation], None] = lambda _: None,
) -> list[Validation]:
    """Train ``network`` in place; it ends as it was at the check of the lowest risk.

    Parameters
    ----------
    network
        What is trained, on the device that it is on.
    objective
        The loss of a noisy patch.
    patches
        What it learns from.
    check
        A noisy image that it does not learn from, by which it is judged.
    sigma
        Standard deviation of the noise of all patches.
    schedule
        Steps, learning rate, size of a batch, and how often it is checked.
    generator
        Draws the patches and what the objective adds to them.
    watch
        Called after every check.

    Returns
    -------
    list
        What was found at every check.
    """
    device = next(network.parameters()).device
    optimiser = torch.optim.Adam(network.parameters(), lr=schedule.rate)
    rates = torch.optim.lr_scheduler.LambdaLR(optimiser, schedule.factor)
    every = max(1, schedule.steps // schedule.checks)
    found: list[Validation] = []
    average = Average(network, schedule.average)
    kept, losses = copy.deepcopy(network.state_dict()), list[float]()
    for step in range(schedule.steps + 1):
        if step:
            noisy = to_channels_last(patches.draw(schedule.batch, generator).to(device))
            losses.append(_step(network, objective, noisy, sigma, optimiser, generator))
            rates.step()
            average.follow()
        if step % every and step != schedule.steps:
            continue
        health = _checked(average.kept, objective, check, sigma, step, losses)
        found.append(replace(health, share=step / schedule.steps))
        losses = []
        watch(found[-1])
        if lowest_risk(found) is found[-1]:
            kept = copy.deepcopy(average.kept.state_dict())
    network.load_state_dict(kept)
    return found


def _step(
    network: nn.Module,
    objective: Objective,
    noisy: Tensor,
    sigma: float,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
) -> float:
    with precision(noisy.device, sigma):
        loss = objective.loss(network, noisy, sigma, generator)
    optimiser.zero_grad()
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
    optimiser.step()
    return float(loss.detach())


def _checked(
    network: nn.Module,
    objective: Objective,
    check: HeldOut,
    sigma: float,
    step: int,
    losses: list[float],
) -> Validation:
    def denoiser(noisy: Tensor) -> Tensor:
        return objective.denoised(network, noisy, sigma)

    noisy = check.noisy.to(next(network.parameters()).device)
    mean = sum(losses) / len(losses) if losses else math.nan
    return validate_denoiser(
        denoiser, noisy, check.mask.to(noisy.device), sigma, step=step, loss=mean, blur=check.blur
    )
