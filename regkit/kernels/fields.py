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


def invert(u: Tensor, *, iterations: int = 40, tolerance: float = 1e-3) -> tuple[Tensor, Tensor]:
    """Solve ``v = -u(id + v)``.

    On the CPU every voxel is solved on its own by damped Newton steps on the trilinear
    interpolant, from a start that one fixed-point sweep gives.

    Returns
    -------
    v, residual
        The inverse displacement, and what is left of ``|v + u(id + v)|`` at each voxel,
        ``(*shape)``, both in voxels.
    """
    if not loops_apply(u):
        return invert_reference(u, iterations=3 * iterations, tolerance=tolerance)
    from regkit.kernels.cpu import inversion

    v, _ = invert_reference(u, iterations=1, tolerance=tolerance)
    u3, v3 = lifted(u).contiguous(), lifted(v).contiguous()
    residual = torch.empty(u3.shape[1:])
    inversion.invert(u3.numpy(), v3.numpy(), iterations, tolerance, residual.numpy())
    return dropped(v3, len(u)), residual.reshape(u.shape[1:])


def invert_reference(
    u: Tensor, *, iterations: int = 120, tolerance: float = 1e-3
) -> tuple[Tensor, Tensor]:
    """:func:`invert` in PyTorch: a fixed point whose step is halved for all that got worse.

    Chen et al., Med. Phys. 2008; the step is kept per voxel, since a stretch by more than two
    diverges with a full one.
    """
    v = -u
    step = torch.ones_like(u[0])
    before = torch.full_like(u[0], torch.inf)
    error = compose_fields(u, v)
    for _ in range(iterations):
        residual = error.square().sum(0).sqrt()
        if float(residual.max()) < tolerance:
            break
        step = torch.where(residual > 0.9 * before, (step / 2).clamp(min=0.05), step)
        before = residual
        v = v - step * error
        error = compose_fields(u, v)
    return v, error.square().sum(0).sqrt()


def exponential(v: Tensor) -> Tensor:
    """``exp(v)`` by scaling and squaring; the first step is below half a voxel."""
    largest = float(v.square().sum(0).max().sqrt())
    squarings = max(0, math.ceil(math.log2(max(largest, 1e-12) / 0.5)))
    u = v * 0.5**squarings
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
        ``(*shape)``, central differences inside, one-sided at the border. Every axis needs two
        voxels or more.
    """
    if len(phi) == 2 or phi.dtype not in (torch.float32, torch.float64) or not loops_apply(phi):
        return jacobian_reference(phi)
    from regkit.kernels.cpu import fields

    out = torch.empty(phi.shape[1:], dtype=phi.dtype)
    fields.determinant(phi.detach().numpy(), out.numpy())
    return out


def jacobian_reference(phi: Tensor) -> Tensor:
    """:func:`jacobian_determinant` in PyTorch, differentiable.

    The determinant is written out: ``torch.linalg.det`` on millions of small matrices is slow.
    """
    rows = [torch.gradient(component, dim=list(range(len(phi)))) for component in phi]
    if len(phi) == 2:
        (a, b), (c, d) = rows
        return a * d - b * c
    (a, b, c), (d, e, f), (g, h, m) = rows
    return a * (e * m - f * h) - b * (d * m - f * g) + c * (d * h - e * g)
