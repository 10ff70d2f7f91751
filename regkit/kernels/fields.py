"""Displacement fields in voxels: compose, invert, exponentiate, differentiate.

A field ``u (d, *shape)`` stands for ``x -> x + u(x)`` on its own index grid; beyond the grid the
edge value is used.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from regkit.kernels.backend import loops_apply
from regkit.kernels.sampling import sample_linear_reference


def lifted(u: Tensor) -> Tensor:
    """A 2-D field as a 3-D one of a single slice; a 3-D field as it is."""
    if u.shape[0] == 3:
        return u
    return torch.cat([torch.zeros_like(u[:1]), u])[:, None]


def dropped(u: Tensor, ndim: int) -> Tensor:
    """Undo :func:`lifted`."""
    return u if ndim == 3 else u[1:, 0]


def identity_index(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Index coordinates of every voxel, ``(d, *shape)``."""
    axes = [torch.arange(n, dtype=like.dtype, device=like.device) for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def compose_fields(u: Tensor, v: Tensor) -> Tensor:
    """Displacement of ``(id + u) o (id + v)``: ``v(x) + u(x + v(x))``, ``(d, *shape)``."""
    if not loops_apply(u, v):
        return compose_reference(u, v)
    from regkit.kernels.cpu import warping

    u3, v3 = lifted(u).contiguous(), lifted(v).contiguous()
    out = torch.empty_like(v3)
    warping.compose(u3.numpy(), v3.numpy(), out.numpy())
    return dropped(out, len(u))


def compose_reference(u: Tensor, v: Tensor) -> Tensor:
    """:func:`compose_fields` in PyTorch, differentiable."""
    points = (identity_index(tuple(v.shape[1:]), v) + v).movedim(0, -1)
    size = torch.tensor(v.shape[1:], dtype=v.dtype, device=v.device)
    points = torch.minimum(points.clamp(min=0), size - 1)
    return v + sample_linear_reference(u, points.reshape(-1, len(u)), 0.0).reshape(v.shape)


def invert(u: Tensor, *, iterations: int = 60, tolerance: float = 1e-3) -> tuple[Tensor, float]:
    """Solve ``v = -u(id + v)``.

    Fixed point with a step that halves when the residual grows (Chen et al., Med. Phys. 2008);
    it converges where the Jacobian of ``u`` has norm below one, and in practice wherever the
    field does not fold.

    Returns
    -------
    v, residual
        The inverse displacement and the largest ``|v + u(id + v)|``, in voxels.
    """
    v = -u
    step, best = 1.0, math.inf
    for _ in range(iterations):
        error = compose_fields(u, v)
        residual = float(error.square().sum(0).max().sqrt())
        if residual < tolerance:
            break
        step = step / 2 if residual > best and step > 0.2 else step
        best = min(best, residual)
        v = v - step * error
    return v, residual


def exponential(v: Tensor) -> Tensor:
    """``exp(v)`` by scaling and squaring; the first step is below half a voxel."""
    largest = float(v.square().sum(0).max().sqrt())
    squarings = max(0, math.ceil(math.log2(max(largest, 1e-12) / 0.5)))
    u = v / 2**squarings
    for _ in range(squarings):
        u = compose_fields(u, u)
    return u


def jacobian_determinant(phi: Tensor) -> Tensor:
    """Determinant of the derivative of a map given by its values.

    Parameters
    ----------
    phi
        ``(d, *shape)``: where each voxel goes. Units are the caller's: index to index gives the
        local change of volume in voxels.

    Returns
    -------
    Tensor
        ``(*shape)``, central differences inside, one-sided at the border.
    """
    rows = [torch.gradient(component, dim=list(range(len(phi)))) for component in phi]
    return torch.linalg.det(
        torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
    )
