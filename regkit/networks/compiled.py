"""CompiledNet: a network through ``torch.compile``, or as it is where that does not work."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class CompiledNet(nn.Module):
    """``net`` compiled at its first pass for the shape that it is given.

    A compiler that is missing or fails costs nothing but the attempt: the network runs as it is,
    and ``failure`` says why, in one line; it is empty where the network is compiled.

    Parameters
    ----------
    net
        Takes two images to a displacement.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.failure = ""
        self._fast: Any = torch.compile(net, dynamic=False)

    def forward(self, moving: Tensor, fixed: Tensor) -> Tensor:
        """See :meth:`regkit.networks.unet.UNet.forward`."""
        if not self.failure:
            try:
                out: Tensor = self._fast(moving, fixed)
            except Exception as error:  # whatever a compiler or its absence may say
                self.failure = (str(error).strip().splitlines() or [type(error).__name__])[0]
            else:
                return out
        plain: Tensor = self.net(moving, fixed)
        return plain
