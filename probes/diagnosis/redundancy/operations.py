"""Operations: what a forward pass of an encoder costs, and the width that costs a given share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from probes.diagnosis.redundancy.slimming import slim
from regkit.errors import InputError

_STEPS = 256  # of widths


def flops(encoder: nn.Module, images: Tensor) -> int:
    """Count the floating-point operations of one forward pass: twice the products.

    Attention is counted by its two products of matrices. PyTorch 2.13 counts nothing for what it
    computes in one piece on a CPU.

    Parameters
    ----------
    encoder
        Any network.
    images
        ``(B, C, *spatial)``; the count is of all of them.

    Examples
    --------
    >>> flops(nn.Linear(10, 5, bias=False), torch.zeros(1, 10))
    100
    """
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        encoder(images)
    return int(counter.get_total_flops())


def width_of_share(encoder: nn.Module, image: Tensor, share: float) -> float:
    """Find the largest width that costs at most a share of the operations of the whole encoder.

    Parameters
    ----------
    encoder
        See :func:`~probes.diagnosis.redundancy.slimming.slim`.
    image
        ``(1, C, *spatial)``.
    share
        Of the operations, above 0 and below 1.

    Returns
    -------
    float
        The width, a multiple of 1/256. Channels and heads are whole, so that it may cost less.

    Raises
    ------
    InputError
        If the encoder cannot be slimmed, or its narrowest form costs more.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(3, 64, 1), nn.ReLU(), nn.Conv2d(64, 64, 1))
    >>> width_of_share(net, torch.zeros(1, 3, 8, 8), 0.25)
    0.48828125
    """
    whole = flops(encoder, image)

    def cost(step: int) -> float:
        return flops(slim(encoder, step / _STEPS), image) / whole

    low, high = 1, _STEPS
    if cost(low) > share:
        raise InputError(
            f"{100 * share:g} % of the operations are fewer than the narrowest form of the encoder "
            f"needs, {100 * cost(low):.1f} %; give a larger share"
        )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost(middle) <= share else (low, middle)
    return low / _STEPS
