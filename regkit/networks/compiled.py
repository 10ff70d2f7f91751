"""CompiledUNet: a U-Net through ``torch.compile``, or folded where that does not work."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from regkit.networks.folded import FoldedUNet
from regkit.networks.unet import UNet


class CompiledUNet(nn.Module):
    """A U-Net in float32, compiled at its first pass for the shape that it is given.

    A compiler that is missing or fails costs nothing but the attempt: a
    :class:`~regkit.networks.folded.FoldedUNet` runs instead, and ``failure`` says why, in one
    line; it is empty where the network is compiled. The folded network itself is not compiled: it
    looks up what it has prepared for each shape, which a compiler cannot follow.

    Parameters
    ----------
    net
        The trained network; it stays as it is.
    """

    def __init__(self, net: UNet) -> None:
        super().__init__()
        self.ndim, self.failure = net.ndim, ""
        self._plain = net
        self._fast: Any = torch.compile(net, dynamic=False)

    def forward(self, moving: Tensor, fixed: Tensor) -> Tensor:
        """See :meth:`regkit.networks.unet.UNet.forward`."""
        try:
            out: Tensor = self._fast(moving, fixed)
        except Exception as error:  # whatever a compiler or its absence may say
            if self.failure:
                raise
            self.failure = (str(error).strip().splitlines() or [type(error).__name__])[0]
            self._fast = FoldedUNet(self._plain, torch.float32)
            out = self._fast(moving, fixed)
        return out
