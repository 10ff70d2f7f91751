"""Warp an image through a displacement and an index matrix, and the adjoints of that.

``out(x) = image(m (x + u(x)))`` with everything in voxels: ``u (3, *shape)`` in voxels of the
working grid, ``m (4, 4)`` from working index to image index. Engines work in 3-D; a 2-D problem
is a 3-D one of a single slice.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.kernels.backend import loops_apply
from regkit.kernels.fields import identity_index
from regkit.kernels.sampling import sample_linear_reference


def warp_index(image: Tensor, m: Matrix, u: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Warp where there is weight.

    Returns
    -------
    out, inside
        The image ``(C, *shape)``, 0 where ``weight (*shape)`` is, and the weight of the voxels
        that came from inside the image.
    """
    if not loops_apply(image, u):
        out, inside = warp_reference(image, m, u)
        return out * (weight > 0), inside * weight
    from regkit.kernels.cpu import warping

    out = torch.empty(len(image), *u.shape[1:])
    inside = torch.empty(u.shape[1:])
    warping.warp(image.numpy(), np.array(m), u.numpy(), weight.numpy(), out.numpy(), inside.numpy())
    return out, inside


def warp_force(image: Tensor, m: Matrix, u: Tensor, upstream: Tensor) -> Tensor:
    """``d loss / d u (3, *shape)`` for ``upstream = d loss / d out (C, *shape)``."""
    if not loops_apply(image, u):
        with torch.enable_grad():
            leaf = u.detach().clone().requires_grad_()
            out, _ = warp_reference(image, m, leaf)
            return torch.autograd.grad(out, leaf, upstream)[0]
    from regkit.kernels.cpu import warping

    force = torch.empty_like(u)
    warping.warp_force(image.numpy(), np.array(m), u.numpy(), upstream.numpy(), force.numpy())
    return force


def affine_force(image: Tensor, m: Matrix, upstream: Tensor) -> Matrix:
    """``d loss / d m (3, 4)`` at ``u = 0``, float64."""
    if not loops_apply(image, upstream):
        shape = tuple(upstream.shape[1:])
        zero = torch.zeros(3, *shape, device=image.device)
        at_image = np.linalg.inv(np.array(m)[:3, :3]).T
        force = warp_force(image, m, zero, upstream).reshape(3, -1).double()
        x = identity_index(shape, zero).reshape(3, -1).double()
        x = torch.cat([x, torch.ones_like(x[:1])])
        out: Matrix = at_image @ (force @ x.T).cpu().numpy()
        return out
    from regkit.kernels.cpu import warping

    partial = np.zeros((upstream.shape[1], 3, 4))
    warping.affine_force(image.numpy(), np.array(m), upstream.numpy(), partial)
    total: Matrix = partial.sum(axis=0)
    return total


def warp_reference(image: Tensor, m: Matrix, u: Tensor) -> tuple[Tensor, Tensor]:
    """:func:`warp_index` in PyTorch, differentiable in ``u`` and ``image``."""
    shape = tuple(u.shape[1:])
    x = (identity_index(shape, u) + u).reshape(3, -1)
    whole = torch.as_tensor(np.array(m), dtype=u.dtype, device=u.device)
    points = (whole[:3, :3] @ x + whole[:3, 3:]).T
    ones = torch.ones_like(image[:1])
    both = sample_linear_reference(torch.cat([image, ones]), points, 0.0)
    both = both.reshape(-1, *shape)
    return both[:-1], (both[-1].detach() > 0.5).to(u.dtype)
