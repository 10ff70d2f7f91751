"""Symmetric sampling of a whole volume, however large."""

from __future__ import annotations

import torch
from torch import Tensor

from denoise.diffusion.model import Diffusion
from denoise.methods import Method
from denoise.networks.layers import to_channels_last
from denoise.networks.precision import precision
from denoise.tiles import map_tiles
from regkit.errors import InputError


def sampled_volume(
    diffusion: Method, blind: Method, image: Tensor, sigma: float
) -> tuple[Tensor, Tensor]:
    """Return the mean and the spread of opposite samples, ``(i, j, k)`` each.

    The start is drawn once for the whole volume and every step of the sampler is tiled, so that
    there are no seams.

    Parameters
    ----------
    diffusion, blind
        The network that samples, and the one that its condition is of.
    image
        ``(i, j, k)`` on the scale of the networks.
    sigma
        Standard deviation of its noise.

    Raises
    ------
    InputError
        If ``diffusion`` is no diffusion model.
    """
    objective = diffusion.objective
    if not isinstance(objective, Diffusion):
        raise InputError(f"method {diffusion.name!r} is no diffusion model")
    device = next(diffusion.network.parameters()).device

    def condition(box: Tensor) -> Tensor:
        return objective.condition(box.to(device)).cpu()

    def step(channels: Tensor) -> Tensor:
        return map_tiles(
            lambda box: diffusion.network(to_channels_last(box.to(device))).float().cpu(),
            channels[0],
            reach=diffusion.reach, multiple=diffusion.multiple,
        )[None, None]  # fmt: skip

    with torch.inference_mode(), precision(device, sigma):
        told = map_tiles(condition, image, reach=blind.reach, multiple=blind.multiple)
        mean, spread = objective.chain(step, told[None, None])
    return mean[0, 0], spread[0, 0]
