"""Mass conservation: what a warped CT weighs, where breathing makes tissue denser or thinner."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from regkit.kernels.fields import jacobian_determinant


def mass_conserved(warped: Tensor, u: Tensor) -> Tensor:
    """Multiply ``warped`` by the determinant of ``id + u``: a voxel holds the mass that it covers.

    Where a map takes a voxel of fixed to half its volume of moving, only half of what lies there
    can fill it. That holds for densities: CT between air and dense bone, as
    :func:`regkit.preprocess.intensity.normalise` scales it (air 0, water 0.5).

    Parameters
    ----------
    warped
        ``moving(x + u(x))``, ``(1, C, *shape)``, air 0.
    u
        ``(1, d, *shape)`` in shares of the field of view, as networks give it.

    Notes
    -----
    Yin, Hoffman and Lin, Med. Phys. 2009: mass-preserving registration of lungs.
    Differentiable in both.

    Examples
    --------
    Twice the volume of moving in every voxel, and twice its density:

    >>> import torch
    >>> axis = torch.linspace(0, 1, 5)
    >>> u = torch.stack([axis[:, None].expand(5, 5), torch.zeros(5, 5)])[None]
    >>> mass_conserved(torch.full((1, 1, 5, 5), 0.5), u).unique().tolist()
    [1.0]
    """
    size = u.new_tensor(u.shape[2:]) - 1
    voxels = (u[0].movedim(0, -1) * size).movedim(-1, 0)
    return warped * jacobian_determinant(voxels, np.eye(len(voxels)))
