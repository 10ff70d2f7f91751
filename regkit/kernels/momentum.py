"""Step of the field engine: a force becomes a bounded move with momentum."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from regkit.kernels.backend import loops_apply
from regkit.kernels.cpu import loops


def momentum_step(
    speed: Tensor, force: Tensor, weight: Tensor, *, step: float, momentum: float
) -> Tensor:
    """Return ``momentum * speed - (1 - momentum) * step * force / (|force| + typical)``.

    No voxel is asked to move by more than ``step``; one where the force is ``typical``, its root
    mean square over ``weight``, by half of that. So strong edges do not decide alone how far
    everything else may go, as they do when a force is scaled by its maximum.

    Parameters
    ----------
    speed
        ``(3, *shape)``: the previous move, in voxels; it may be overwritten.
    force
        ``(3, *shape)``: the derivative of the loss by the displacement; the move goes against it.
    weight
        ``(*shape)``: how much each voxel counts for ``typical``.
    step
        The largest move, in voxels.
    momentum
        Share of the previous move that is kept, 0 to below 1.

    Returns
    -------
    Tensor
        ``(3, *shape)``: the next move, in voxels.
    """
    if not loops_apply(speed, force, weight):
        return advance_reference(speed, force, weight, step=step, momentum=momentum)
    partial = np.zeros((force.shape[1], 2))
    loops.mean_square(force.numpy(), weight.numpy(), partial)
    square, total = partial.sum(axis=0)
    typical = float(np.sqrt(square / max(total, 1.0))) + 1e-20
    loops.momentum_step(speed.numpy(), force.numpy(), typical, step, momentum)
    return speed


def advance_reference(
    speed: Tensor, force: Tensor, weight: Tensor, *, step: float, momentum: float
) -> Tensor:
    """Return what :func:`momentum_step` does, in PyTorch.

    Parameters
    ----------
    speed, force
        ``(3, *shape)``: the previous move in voxels, and the derivative of the loss; ``force`` is
        left as it is.
    weight
        ``(*shape)``: how much each voxel counts for the typical force.
    step, momentum
        The largest move in voxels, and the share of the previous one that is kept.
    """
    size = torch.linalg.vector_norm(force, dim=0)
    typical = (weight * size.square()).sum().div(weight.sum().clamp(min=1)).sqrt() + 1e-20
    share = (1 - momentum) * step / size.add_(typical)
    return torch.addcmul(momentum * speed, force, share, value=-1)
