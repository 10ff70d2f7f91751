"""Tuning: a network's weights fitted to the one pair it is to register."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from regkit.kernels.sampling import warp_unit
from regkit.losses.dice import dice_loss
from regkit.losses.gradicon import gradicon_loss
from regkit.losses.mass import mass_conserved
from regkit.losses.similarity import Similarity
from regkit.networks.steps import Registration, Step
from regkit.networks.unet import UNet
from regkit.registration.config import TuningConfig

_WINDOW = 5


def tune(
    network: Registration,
    moving: Tensor,
    fixed: Tensor,
    similarity: Similarity,
    config: TuningConfig,
    on_progress: Callable[[int, float], None],
    *,
    weights: tuple[Tensor, Tensor] | None = None,
    labels: tuple[Tensor, Tensor] | None = None,
    dice: float = 0.0,
) -> tuple[Registration, list[float]]:
    """Return a copy of ``network`` that has learned this pair; ``network`` itself is never touched.

    Parameters
    ----------
    network
        As :func:`regkit.networks.gradicon.gradicon` builds it.
    moving, fixed
        ``(1, 1, *shape)`` in [0, 1], on one grid.
    similarity
        Compared both ways; GradICON joins it with the weight ``config.lmbda``.
    on_progress
        Called with the number of steps that are done, and the loss.
    weights
        Where moving and fixed count, ``(*shape)`` each; everywhere if not given.
    labels
        Memberships of moving and fixed, ``(C, *shape)`` each, whose Dice loss joins with the
        weight ``dice``, both ways.

    Returns
    -------
    network, losses
        The weights with the lowest loss, and the loss before the first step and after each.

    Notes
    -----
    Tian et al., uniGradICON, MICCAI 2024: instance optimisation, with Adam. Statistics of batch
    norms stay. Nothing is random, so that the same pair gives the same weights.
    """
    own = copy.deepcopy(network).eval().requires_grad_(True)
    tuning = _checkpointed(own) if config.save_memory else own
    optimiser = torch.optim.Adam(own.parameters(), lr=config.learning_rate)
    losses: list[float] = []
    best = copy.deepcopy(own.state_dict())
    with torch.enable_grad():
        for number in range(config.iterations + 1):
            loss = _loss(tuning, moving, fixed, similarity, config, weights, labels, dice)
            losses.append(float(loss.detach()))
            on_progress(number, losses[-1])
            if losses[-1] <= min(losses):
                best = copy.deepcopy(own.state_dict())
            if number == config.iterations or _settled(losses, config.tolerance):
                break
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
    own.load_state_dict(best)
    return own.requires_grad_(False), losses


def _loss(
    network: Registration,
    moving: Tensor,
    fixed: Tensor,
    similarity: Similarity,
    config: TuningConfig,
    weights: tuple[Tensor, Tensor] | None,
    labels: tuple[Tensor, Tensor] | None,
    dice: float,
) -> Tensor:
    shape = fixed.shape[2:]
    there = network(moving, fixed).displacement(shape)
    back = network(fixed, moving).displacement(shape)
    of_moving, of_fixed = weights or (None, None)
    counts = _both(of_fixed, of_moving, there), _both(of_moving, of_fixed, back)
    loss = (
        similarity(fixed[0], _shown(moving, there, config)[0], counts[0])
        + similarity(moving[0], _shown(fixed, back, config)[0], counts[1])
        + config.lmbda * gradicon_loss(there, back)
    )
    if labels is None:
        return loss
    on_moving, on_fixed = labels
    overlap = dice_loss(on_fixed, warp_unit(on_moving[None], there)[0], counts[0])
    overlap = overlap + dice_loss(on_moving, warp_unit(on_fixed[None], back)[0], counts[1])
    return loss + dice * overlap


def _shown(image: Tensor, u: Tensor, config: TuningConfig) -> Tensor:
    """What is compared: the warped image, or the mass in it."""
    warped = warp_unit(image, u)
    return mass_conserved(warped, u) if config.conserve == "mass" else warped


def _both(weight: Tensor | None, other: Tensor | None, u: Tensor) -> Tensor | None:
    """Where both images count, the other one's weight warped by ``u``."""
    if weight is None or other is None:
        return None
    with torch.no_grad():
        return weight * warp_unit(other[None, None], u)[0, 0]


def _settled(losses: list[float], tolerance: float) -> bool:
    if len(losses) <= _WINDOW:
        return False
    return losses[-_WINDOW - 1] - losses[-1] < tolerance * abs(losses[0])


class _Forgetful(nn.Module):
    """A U-Net that keeps nothing for the way back, and calculates it again then."""

    def __init__(self, net: UNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, moving: Tensor, fixed: Tensor) -> Tensor:
        out: Tensor = checkpoint(self.net, moving, fixed, use_reentrant=False)
        return out


def _checkpointed(network: Registration) -> Registration:
    """The same weights, in a network whose U-Nets forget."""
    out = copy.copy(network)
    out._modules = dict(network._modules)
    for name, part in network._modules.items():
        if isinstance(part, UNet) and isinstance(network, Step):
            out._modules[name] = _Forgetful(part)
        elif isinstance(part, Registration):
            out._modules[name] = _checkpointed(part)
    return out
