"""GradICON: two maps that are each other's inverse up to a rigid shift of the error."""

from __future__ import annotations

from torch import Tensor

from regkit.kernels.sampling import warp_unit


def gradicon_loss(there: Tensor, back: Tensor) -> Tensor:
    """Return the mean squared gradient of ``there(back(x)) - x``.

    Parameters
    ----------
    there, back
        Displacements ``(B, d, *shape)`` in shares of the field of view, as
        :meth:`regkit.networks.steps.SteppedMap.displacement` gives them.

    Notes
    -----
    Tian et al., GradICON, CVPR 2023, eq. 4; differences are taken between neighbouring voxels.

    Examples
    --------
    >>> import torch
    >>> still = torch.zeros(1, 2, 5, 5)
    >>> float(gradicon_loss(still, still))
    0.0
    """
    error = back + warp_unit(there, back)
    total = error.new_zeros(())
    for axis in range(2, error.ndim):
        steps = error.shape[axis] - 1
        if steps > 0:
            slope = error.diff(dim=axis) * steps
            total = total + slope.square().sum(1).mean()
    return total
