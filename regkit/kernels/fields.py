"""Displacement fields in voxels: compose, invert, exponentiate, differentiate.

A field ``u (d, *shape)`` stands for ``x -> x + u(x)`` on its own index grid; beyond the grid the
edge value is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from regkit.geometry.affines import Matrix
from regkit.kernels.backend import loops_apply, with_triton
from regkit.kernels.cpu import loops
from regkit.kernels.sampling import sample_linear_reference
from regkit.kernels.smoothing import gaussian


def lift_field(u: Tensor) -> Tensor:
    """Turn a 2-D field ``(2, *shape)`` into a 3-D field ``(3, 1, *shape)`` of a single slice.

    A 3-D field is returned as it is. Nothing moves along the new first axis.
    """
    if u.shape[0] == 3:
        return u
    return torch.cat([torch.zeros_like(u[:1]), u])[:, None]


def drop_lifted(u: Tensor, ndim: int) -> Tensor:
    """Undo :func:`lift_field`: turn ``u (3, 1, *shape)`` into ``(2, *shape)`` where ``ndim`` is 2.

    A 3-D field, which was never lifted, is returned as it is.
    """
    return u if ndim == 3 else u[1:, 0]


def identity_index(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Return the index coordinates of every voxel of ``shape``, ``(d, *shape)``.

    Type and device are those of ``like``, a tensor of any shape.
    """
    axes = [torch.arange(n, dtype=like.dtype, device=like.device) for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def resize_displacement(u: Tensor, shape: Sequence[int]) -> Tensor:
    """Interpolate ``u (d, *any)``, in voxels, on a grid of the same extent, as ``(d, *shape)``.

    The result is in voxels of the new grid.
    """
    mode = "trilinear" if len(u) == 3 else "bilinear"
    scale = u.new_tensor([n / g for n, g in zip(shape, u.shape[1:], strict=True)])
    other = functional.interpolate(u[None], tuple(shape), mode=mode, align_corners=False)[0]
    return other.mul_(scale.reshape(-1, *([1] * len(u))))


def turn_vectors(u: Tensor, linear: Matrix, *, out: Tensor | None = None) -> Tensor:
    """Multiply the vectors of a field by a matrix.

    Parameters
    ----------
    u
        ``(d, *shape)``.
    linear
        ``(d, d)``.
    out
        Memory that may be used for the result, contiguous; that of ``u`` will do.

    Returns
    -------
    Tensor
        ``(d, *shape)``.

    Examples
    --------
    >>> turn_vectors(torch.ones(2, 1, 1), np.diag([2.0, 3.0])).flatten().tolist()
    [2.0, 3.0]
    """
    if not _single(u) or not loops_apply(u):
        return turn_reference(u, linear)
    field = u.contiguous()
    room = torch.empty_like(field) if out is None else out
    # A view, since a copy of memory that is not contiguous would take the result with it.
    vectors, turned = (each.view(len(u), -1).numpy() for each in (field, room))
    loops.turn(vectors, linear.astype(np.float32), turned)
    return room


def turn_reference(u: Tensor, linear: Matrix) -> Tensor:
    """Return what :func:`turn_vectors` does, in PyTorch; differentiable.

    Parameters
    ----------
    u
        ``(d, *shape)``.
    linear
        ``(d, d)``.
    """
    return torch.einsum("ab,b...->a...", u.new_tensor(linear), u)


@with_triton
def compose_fields(u: Tensor, v: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Compose two displacements: return that of ``(id + u) o (id + v)``, ``v(x) + u(x + v(x))``.

    Parameters
    ----------
    u
        ``(d, *shape)`` in voxels: the map that is applied last.
    v
        ``(d, *shape)`` in voxels of the same grid: the map that is applied first.
    out
        ``(d, *shape)``: memory that may be used for the result, neither that of ``u`` nor of ``v``.

    Returns
    -------
    Tensor
        ``(d, *shape)`` in voxels.
    """
    if not _single(u, v) or not loops_apply(u, v):
        return compose_reference(u, v)
    u3, v3 = lift_field(u).contiguous(), lift_field(v).contiguous()
    room = torch.empty_like(v3) if out is None else lift_field(out)
    loops.compose(u3.numpy(), v3.numpy(), room.numpy())
    return drop_lifted(room, len(u))


def compose_reference(u: Tensor, v: Tensor) -> Tensor:
    """Compose ``u`` and ``v (d, *shape)`` like :func:`compose_fields`; differentiable PyTorch."""
    points = (identity_index(tuple(v.shape[1:]), v) + v).movedim(0, -1)
    size = torch.tensor(v.shape[1:], dtype=v.dtype, device=v.device)
    points = torch.minimum(points.clamp(min=0), size - 1)
    return v + sample_linear_reference(u, points.reshape(-1, len(u)), 0.0).reshape(v.shape)


def invert(
    u: Tensor,
    shape: Sequence[int] | None = None,
    *,
    iterations: int = 40,
    tolerance: float = 1e-3,
) -> tuple[Tensor, Tensor]:
    """Invert a displacement: solve ``v = -u(id + v)``.

    On the CPU every voxel is solved on its own by damped Newton steps on the trilinear
    interpolant.

    Parameters
    ----------
    u
        ``(d, *own)`` in voxels.
    shape
        Of the grid of ``v``: another one of the same extent, counted in its voxels; that of
        ``u`` if not given.
    iterations
        Newton steps a voxel at the most. The PyTorch reference, whose steps are simpler, may take
        three times as many.
    tolerance
        The residual, in voxels, at which a voxel counts as solved.

    Returns
    -------
    v, residual
        The inverse displacement, and what is left of ``|v + u(id + v)|`` at each voxel,
        ``(*shape)``, in voxels of ``u``.
    """
    own = tuple(u.shape[1:])
    size = own if shape is None else tuple(shape)
    if not _single(u) or not loops_apply(u):
        whole = u if size == own else resize_displacement(u, size)
        return invert_reference(whole, iterations=3 * iterations, tolerance=tolerance)
    # What is found on the field's own grid leaves a step or two on a finer one.
    first = -u if size == own else invert(u, iterations=iterations)[0]
    u3, first3 = lift_field(u).contiguous(), lift_field(first).contiguous()
    residual = torch.empty(size if len(u) == 3 else (1, *size))
    v3 = torch.empty(3, *residual.shape)
    loops.invert(u3.numpy(), first3.numpy(), v3.numpy(), iterations, tolerance, residual.numpy())
    return drop_lifted(v3, len(u)), residual.reshape(size)


def _single(*tensors: Tensor) -> bool:
    return all(each.dtype is torch.float32 for each in tensors)


def invert_reference(
    u: Tensor, *, iterations: int = 120, tolerance: float = 1e-3
) -> tuple[Tensor, Tensor]:
    """Invert a displacement, as :func:`invert`, by a fixed-point iteration in PyTorch.

    The step is kept for each voxel and halved where the residual does not shrink, since a stretch
    by more than two diverges with a full one.

    Parameters
    ----------
    u
        ``(d, *shape)`` in voxels.
    iterations
        Steps at the most.
    tolerance
        The largest residual, in voxels, at which the iteration ends.

    Returns
    -------
    v, residual
        The inverse displacement ``(d, *shape)`` and what is left of ``|v + u(id + v)|``,
        ``(*shape)``, both in voxels.

    Notes
    -----
    Chen et al., Med. Phys. 2008.
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
    """Integrate the stationary velocity ``v (d, *shape)``, in voxels, by scaling and squaring.

    ``v`` is halved until no voxel moves by more than half a voxel, and the displacement is then
    composed with itself as often. Returns ``exp(v) - id``, ``(d, *shape)`` in voxels.
    """
    largest = float(v.square().sum(0).max().sqrt())
    squarings = max(0, math.ceil(math.log2(max(largest, 1e-12) / 0.5)))
    u = v * 0.5**squarings
    for _ in range(squarings):
        u = compose_fields(u, u)
    return u


def jacobian_determinant(u: Tensor, linear: Matrix) -> Tensor:
    """Return the determinant of the derivative of ``x -> linear x + u(x)``, ``x`` in voxels.

    Parameters
    ----------
    u
        ``(d, *shape)``: what each voxel gets on top of the linear part.
    linear
        ``(d, d)``: the identity for displacements in voxels; the upper left of a grid's affine
        for those in world units.

    Returns
    -------
    Tensor
        ``(*shape)``, central differences inside, one-sided at the border. Every axis needs two
        voxels or more.
    """
    if len(u) == 2 or not _single(u) or not loops_apply(u):
        return jacobian_reference(u, linear)
    out = torch.empty(u.shape[1:])
    loops.determinant(u.contiguous().numpy(), np.array(linear), out.numpy())
    return out


def remove_folds(u: Tensor, *, least: float = 0.1, most: int = 10) -> Tensor:
    """Smooth ``u`` where its Jacobian determinant is below ``least``, until there is no such voxel.

    Away from such places, and on the border, ``u`` stays as it is.

    Parameters
    ----------
    u
        ``(d, *shape)`` in voxels. It is returned as it is where an axis has one or two voxels, but
        for the first axis of a lifted 2-D field.
    least
        The smallest determinant of ``id + u`` that is left alone.
    most
        How often the field is smoothed at the most; folds that are left then remain.

    Returns
    -------
    Tensor
        ``(d, *shape)`` in voxels.
    """
    if len(u) == 3 and u.shape[1] == 1:
        return lift_field(remove_folds(drop_lifted(u, 2), least=least, most=most))
    if min(u.shape[1:]) < 3:
        return u
    inner = torch.zeros(u.shape[1:], dtype=torch.bool, device=u.device)
    inner[tuple([slice(1, -1)] * len(u))] = True
    for _ in range(most):
        tight = jacobian_determinant(u, np.eye(len(u))) < least
        if not bool(tight.any()):
            break
        near = gaussian(tight.to(u)[None], 1.0)[0] > 0
        u = torch.where(near & inner, gaussian(u, 2.0), u)
    return u


def jacobian_reference(u: Tensor, linear: Matrix) -> Tensor:
    """Return what :func:`jacobian_determinant` does for ``u (d, *shape)``; differentiable PyTorch.

    The determinant is written out: ``torch.linalg.det`` on millions of small matrices is slow.
    """
    axes = list(range(len(u)))
    rows = [
        [slope + float(a) for slope, a in zip(torch.gradient(part, dim=axes), row, strict=True)]
        for part, row in zip(u, linear, strict=True)
    ]
    if len(u) == 2:
        (a, b), (c, d) = rows
        return a * d - b * c
    (a, b, c), (d, e, f), (g, h, m) = rows
    return a * (e * m - f * h) - b * (d * m - f * g) + c * (d * h - e * g)
