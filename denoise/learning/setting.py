"""TrainingData: what a network learns from, and the training that every method shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from denoise.config import DenoiseConfig
from denoise.learning.fit import HeldOut, TrainingSchedule, fit
from denoise.learning.patches import cut_patches
from denoise.learning.validation import Validation
from denoise.methods import Method

OnValidation = Callable[[Validation], None]
_CHECKS, _BETWEEN = 12, 20


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Images on the scale of the network, and all that decides how they are learned from.

    Parameters
    ----------
    images, masks
        ``(i, j, k)`` each, slices last; where they count.
    check
        What is not learned from.
    sigma
        Standard deviation of the noise.
    spacing
        Of the voxels along i, j and k.
    square
        Whether i and j may be exchanged.
    config, device
        Settings, and where it runs.
    """

    images: list[Tensor]
    masks: list[Tensor]
    check: HeldOut
    sigma: float
    spacing: tuple[float, ...]
    square: bool
    config: DenoiseConfig
    device: torch.device


def train_method(
    method: Method,
    setting: TrainingData,
    images: list[Tensor],
    *,
    share: float = 1.0,
    average: float = 0.0,
    watch: OnValidation = lambda _: None,
) -> list[Validation]:
    """Train the network of ``method`` in place.

    Parameters
    ----------
    method
        The network and its objective.
    setting
        Where the images count, what is held out, the noise, and the configuration.
    images
        Those of the setting, ``(i, j, k)``, or ``(C, i, j, k)`` with what else the objective needs
        as further channels.
    share
        Of the steps of the configuration.
    average
        See :class:`~denoise.learning.fit.TrainingSchedule`.
    watch
        Called after every check.

    Returns
    -------
    list
        What was found at every check.
    """
    config = setting.config
    method.network.to(setting.device)
    usual, rate = (
        (config.start_steps, config.start_rate)
        if method.start
        else (config.scratch_steps, config.rate)
    )
    steps = max(1, round(share * (config.steps or usual)))
    patches = cut_patches(images, setting.masks, largest=config.patch, square=setting.square)
    return fit(
        method.network, method.objective, patches, setting.check, setting.sigma,
        schedule=TrainingSchedule(steps, rate, config.batch, _checks(steps), average),
        generator=torch.Generator().manual_seed(config.seed), watch=watch,
    )  # fmt: skip


def _checks(steps: int) -> int:
    """How often to look: each look takes as long as some steps."""
    return max(1, min(_CHECKS, steps // _BETWEEN))
