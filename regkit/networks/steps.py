"""Steps: put several networks, each at its own resolution, together to one map."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regkit.kernels.sampling import sample_unit, unit_points, warp_unit
from regkit.networks.compiled import CompiledUNet
from regkit.networks.folded import FoldedUNet
from regkit.networks.unet import UNet, mean_pool


@dataclass(frozen=True)
class SteppedMap:
    """A map of several steps: ``phi(x) = y + u_1(y)``, where ``y`` is ``x`` after the later steps.

    Maps points of fixed to points of moving, both as shares of the field of view: 0 is the first
    voxel centre of an axis and 1 the last.

    Parameters
    ----------
    steps
        Displacements ``(B, d, *shape)``, the first step first; each has a shape of its own.
    reduced
        Whether they are coarser than the images that they were seen in. They are then put
        together on the grid of the last, which is the finest, and the result is enlarged.
    """

    steps: tuple[Tensor, ...]
    reduced: bool = False

    def __call__(self, points: Tensor) -> Tensor:
        """Map ``points (B, d, *any)`` of fixed to points of moving."""
        for u in reversed(self.steps):
            points = points + sample_unit(u, points)
        return points

    def on(self, shape: Sequence[int]) -> Tensor:
        """Map the voxels of a grid of ``shape``; returns ``(B, d, *shape)``."""
        return unit_points(shape, self.steps[-1]) + self.displacement(shape)

    def displacement(self, shape: Sequence[int]) -> Tensor:
        """Return how far the voxels of a grid of ``shape`` go, ``(B, d, *shape)``.

        Adding up displacements keeps more digits than the difference of two places does.
        """
        *earlier, last = self.steps
        own = tuple(last.shape[2:])
        if self.reduced and own != tuple(shape):
            return upsample_displacement(self.displacement(own), shape)
        same = own == tuple(shape)  # its own voxels: nothing to interpolate
        total = last if same else sample_unit(last, unit_points(shape, last))
        for u in reversed(earlier):
            total = total + warp_unit(u, total)
        return total

    def __add__(self, later: SteppedMap) -> SteppedMap:
        return SteppedMap(self.steps + later.steps, self.reduced or later.reduced)


class Registration(nn.Module, ABC):
    """A network that takes moving and fixed images ``(B, 1, *shape)`` to the map between them."""

    @abstractmethod
    def forward(self, moving: Tensor, fixed: Tensor) -> SteppedMap:
        """Find the map from fixed to moving: ``moving(phi(x))`` looks like ``fixed(x)``."""

    @abstractmethod
    def rebuilt(self, change: StepChange, *, full: bool = True) -> Registration:
        """Return the same registration with each step replaced by what ``change`` makes of it.

        It is told whether the step is at the ``full`` resolution of the images.
        """


StepChange = Callable[["Step", bool], Registration]


class Step(Registration):
    """A registration by one network, which gives one displacement."""

    def __init__(self, net: UNet | FoldedUNet | CompiledUNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, moving: Tensor, fixed: Tensor) -> SteppedMap:
        """See :class:`Registration`."""
        u: Tensor = self.net(moving, fixed)
        # In half precision a share of the field of view is good for half a voxel of 128.
        u = u if u.dtype == torch.float64 else u.float()
        return SteppedMap((u,), reduced=u.shape[2:] != fixed.shape[2:])

    def rebuilt(self, change: StepChange, *, full: bool = True) -> Registration:
        """See :class:`Registration`."""
        return change(self, full)


class HalfResolution(Registration):
    """A registration at half the resolution."""

    def __init__(self, net: Registration) -> None:
        super().__init__()
        self.net: Registration = net

    def forward(self, moving: Tensor, fixed: Tensor) -> SteppedMap:
        """See :class:`Registration`."""
        phi: SteppedMap = self.net(mean_pool(moving), mean_pool(fixed))
        return phi

    def rebuilt(self, change: StepChange, *, full: bool = True) -> Registration:
        """See :class:`Registration`."""
        return HalfResolution(self.net.rebuilt(change, full=False))


class TwoStep(Registration):
    """A registration, and another one that refines the first."""

    def __init__(self, first: Registration, second: Registration) -> None:
        super().__init__()
        self.netPhi: Registration = first
        self.netPsi: Registration = second

    def forward(self, moving: Tensor, fixed: Tensor) -> SteppedMap:
        """See :class:`Registration`."""
        phi: SteppedMap = self.netPhi(moving, fixed)
        seen = warp_unit(moving, phi.displacement(moving.shape[2:]))
        rest: SteppedMap = self.netPsi(seen, fixed)
        return phi + rest

    def rebuilt(self, change: StepChange, *, full: bool = True) -> Registration:
        """See :class:`Registration`."""
        first, second = (part.rebuilt(change, full=full) for part in (self.netPhi, self.netPsi))
        return TwoStep(first, second)


def upsample_displacement(u: Tensor, shape: Sequence[int]) -> Tensor:
    """Interpolate ``u (B, d, *any)`` on a finer grid of the same field of view, ``(B, d, *shape)``.

    By a product with a narrow matrix an axis, in a quarter of the time of ``interpolate``.
    """
    for axis, size in enumerate(shape, start=2):
        n = u.shape[axis]
        at = torch.linspace(0, n - 1, size, dtype=torch.float64)
        shares = (1 - (at[:, None] - torch.arange(n)).abs()).clamp(min=0).to(u)
        rows = u.reshape(-1, n, math.prod(u.shape[axis + 1 :]))
        with torch.autocast(u.device.type, enabled=False):  # places are not for half precision
            rows = shares @ rows if axis < u.ndim - 1 else rows[..., 0] @ shares.T
        u = rows.reshape(*u.shape[:axis], size, *u.shape[axis + 1 :])
    return u
