"""Normalised: a registration of locally normalised images; its weights tell that it is one."""

from __future__ import annotations

import torch
from torch import Tensor

from regkit.kernels.windows import box_mean
from regkit.networks.steps import Registration, StepChange, SteppedMap

_FAINT = 1e-3  # the variance below which a window counts as flat, in [0, 1]


class NormalisedRegistration(Registration):
    """A registration of locally normalised images, so that brightness matters less.

    Every image is taken less its mean in a window, over its standard deviation there.

    Parameters
    ----------
    net
        What sees those images.
    window
        Voxels an axis, an odd number.
    """

    window: Tensor

    def __init__(self, net: Registration, window: int) -> None:
        super().__init__()
        self.net: Registration = net
        # Among the weights, so that a file of them tells how they are to be used.
        self.register_buffer("window", torch.tensor(window))

    def forward(self, moving: Tensor, fixed: Tensor) -> SteppedMap:
        """See :class:`Registration`."""
        radius = int(self.window) // 2
        phi: SteppedMap = self.net(local_normalize(moving, radius), local_normalize(fixed, radius))
        return phi

    def rebuilt(self, change: StepChange, *, full: bool = True) -> Registration:
        """See :class:`Registration`."""
        return NormalisedRegistration(self.net.rebuilt(change, full=full), int(self.window))


def local_normalize(images: Tensor, radius: int) -> Tensor:
    """Normalise ``images (B, 1, *shape)`` locally: less the mean, over twice the spread.

    ``radius`` is the half width of the windows in voxels; the spread is the standard deviation.
    """
    x = images[:, 0]
    radii = [radius] * (x.ndim - 1)
    mean, square = (box_mean(part, radii) for part in (x, x * x))
    spread = square.sub_(mean**2).clamp_(min=0).add_(_FAINT).sqrt_()
    return ((x - mean) / spread.mul_(2))[:, None]
