"""Statistics of batch normalisations, measured anew: of a width that never had its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from regkit.errors import InputError


@torch.no_grad()
def measure_statistics(network: nn.Module, images: Tensor, batch_size: int = 64) -> None:
    """Replace the statistics of all batch normalisations by those of images; others stay.

    A layer that sees a part of its inputs has other means and spreads than the whole one. After Yu
    and Huang 2019, "Universally slimmable networks and improved training techniques".

    Parameters
    ----------
    network
        It is changed, and left in evaluation mode.
    images
        ``(N, C, *spatial)``, two at least, on the scale that it was trained with.
    batch_size
        Images that are shown at once; statistics are means over batches.

    Raises
    ------
    InputError
        If there is one image alone.
    """
    if len(images) < 2:
        raise InputError("statistics of batch normalisations need two images at least")
    norms = [part for part in network.modules() if isinstance(part, _BatchNorm)]
    network.eval()
    kept = [part.momentum for part in norms]
    for part in norms:
        part.reset_running_stats()
        part.momentum = None  # the mean of all batches
        part.train()
    for own in images.tensor_split(max(1, len(images) // batch_size)) if norms else ():
        network(own.float())
    for part, momentum in zip(norms, kept, strict=True):
        part.momentum = momentum
    network.eval()
