"""Warp an image through a displacement and an index matrix, and the adjoints of that.

``out(x) = image(m (x + u(x)))`` with everything in voxels: ``u (3, *shape)`` in voxels of the
working grid, ``m (4, 4)`` from working index to image index. Engines work in 3-D; a 2-D problem
is a 3-D one of a single slice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import is_inside
from regkit.kernels.backend import loops_apply, with_triton
from regkit.kernels.cpu import loops
from regkit.kernels.fields import identity_index, lift_field, resize_displacement
from regkit.kernels.sampling import bits_of, sample_linear_reference, sample_nearest_reference


@with_triton
def warp_index(image: Tensor, m: Matrix, u: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Warp an image where there is weight: ``out(x) = image(m (x + u(x)))``, interpolated linearly.

    Parameters
    ----------
    image
        The moving image ``(C, *spatial)``, 3-D.
    m
        ``(4, 4)``: from index coordinates of the working grid to those of ``image``.
    u
        ``(3, *shape)`` of the working grid or of a coarser one that cuts the same extent into
        fewer voxels, in voxels of its own; ``(3, 1, 1, 1)`` shifts everything alike.
    weight
        ``(*shape)`` on the working grid; where it is 0 nothing is interpolated.

    Returns
    -------
    out, inside
        The image ``(C, *shape)``, 0 where ``weight`` is, and the weight of the voxels
        that came from inside the image, ``(*shape)``.
    """
    if not loops_apply(image, u):
        out, inside = warp_reference(image, m, u, tuple(weight.shape))
        return out * (weight > 0), inside * weight
    out = torch.empty(len(image), *weight.shape)
    inside = torch.empty(weight.shape)
    loops.warp(image.numpy(), np.array(m), u.numpy(), weight.numpy(), out.numpy(), inside.numpy())
    return out, inside


def warp_grid(
    image: Tensor,
    m: Matrix,
    u: Tensor,
    shape: tuple[int, ...],
    *,
    nearest: bool = False,
    outside: float = 0.0,
) -> Tensor:
    """Resample an image at ``m (x + u(x))`` for every voxel ``x`` of a grid, 2-D or 3-D.

    Parameters
    ----------
    image
        The moving image ``(C, *spatial)``.
    m
        ``(d + 1, d + 1)``: from index coordinates of the grid to those of ``image``.
    u
        ``(d, *shape)`` in voxels of the grid, or one vector ``(d, 1, ...)`` for all.
    shape
        Of the grid.
    nearest
        Take the nearest voxel and keep the type; else the result is linear: in float64 if ``image``
        is, otherwise in float32.
    outside
        The value beyond the image.

    Returns
    -------
    Tensor
        ``(C, *shape)``.
    """
    if len(shape) == 2:
        whole = np.eye(4)
        whole[1:, 1:] = m
        flat = image[:, None], whole, lift_field(u), (1, *shape)
        return warp_grid(*flat, nearest=nearest, outside=outside)[:, 0]
    if nearest:
        return _warp_nearest(image.contiguous(), m, u.contiguous(), shape, outside)
    if image.dtype is torch.float64:
        return _warp_double(image, m, u, shape, outside)
    weight = torch.ones(shape, device=image.device)
    image = image.to(torch.float32).contiguous()
    out, inside = warp_index(image, m, u.contiguous(), weight)
    return out if outside == 0 else torch.where(inside > 0, out, out.new_tensor(outside))


def _warp_double(
    image: Tensor, m: Matrix, u: Tensor, shape: tuple[int, ...], outside: float
) -> Tensor:
    """Warp in float64 by the reference.

    It is seldom asked for, so there is no loop for it.
    """
    out, inside = warp_reference(image, m, u.double(), shape)
    return torch.where(inside > 0, out, out.new_tensor(outside))


def _warp_nearest(
    image: Tensor, m: Matrix, u: Tensor, shape: tuple[int, ...], outside: float
) -> Tensor:
    if not loops_apply(image, u):
        points = _points(m, u, shape)
        flat = sample_nearest_reference(image, points, outside)
        return flat.reshape(-1, *shape)
    out = image.new_empty((len(image), *shape))
    fill = bits_of(out.new_tensor([outside])).item()
    loops.warp_nearest(bits_of(image).numpy(), np.array(m), u.numpy(), fill, bits_of(out).numpy())
    return out


@with_triton
def displacement_gradient(
    warped: Tensor, known: Tensor, upstream: Tensor, shape: tuple[int, ...]
) -> Tensor:
    """Return how the loss changes when every voxel steps aside before it is warped.

    The derivative of ``loss(image o phi o (id + v))`` by ``v`` at 0 is ``upstream grad(warped)``:
    it needs the warped image alone, by central differences, one-sided beside what is not known.

    Parameters
    ----------
    warped, upstream
        ``(C, *working)``, and ``d loss / d warped``.
    known
        ``(*working)``, above 0 where ``warped`` holds.
    shape
        Of the grid on which ``v`` lives, the working one or a coarser one of the same extent.

    Returns
    -------
    Tensor
        ``(3, *shape)``; ``v`` is in working voxels.
    """
    if not loops_apply(warped, known, upstream):
        return step_force_reference(warped, known, upstream, shape)
    force = torch.empty(3, *shape)
    loops.displacement_gradient(warped.numpy(), known.numpy(), upstream.numpy(), force.numpy())
    return force


def step_force_reference(
    warped: Tensor, known: Tensor, upstream: Tensor, shape: tuple[int, ...]
) -> Tensor:
    """Return what :func:`displacement_gradient` does, in PyTorch.

    Parameters
    ----------
    warped, upstream
        ``(C, *working)``, and ``d loss / d warped``.
    known
        ``(*working)``, above 0 where ``warped`` holds.
    shape
        Of the grid of the result, the working one or a coarser one of the same extent.
    """
    there = known > 0
    force = torch.stack([(upstream * _slope(warped, there, axis)).sum(0) for axis in range(3)])
    return upsample_adjoint(force, shape)


def upsample_adjoint(fine: Tensor, shape: Sequence[int]) -> Tensor:
    """Sum ``fine (C, *working)`` on a coarser grid of the same extent, as ``(C, *shape)``.

    It is the adjoint of linear interpolation from the coarse grid to the fine one.
    """
    for axis, size in enumerate(shape, start=1):
        fine = _gathered(fine, axis, size)
    return fine.contiguous()


def _gathered(fine: Tensor, axis: int, size: int) -> Tensor:
    """The adjoint of linear interpolation along one axis, from one of ``size`` voxels.

    A product with a narrow matrix: PyTorch's own adjoint adds in no fixed order on a GPU.
    """
    n = fine.shape[axis]
    if n == size:
        return fine
    to = torch.arange(size, device=fine.device, dtype=fine.dtype)
    at = (torch.arange(n, device=fine.device, dtype=fine.dtype) + 0.5) * (size / n) - 0.5
    shares = (1 - (at.clamp(0, size - 1) - to[:, None]).abs()).clamp(min=0)
    out: Tensor = torch.tensordot(shares, fine, dims=([1], [axis])).movedim(0, axis)
    return out


def _slope(image: Tensor, there: Tensor, axis: int) -> Tensor:
    """Average the differences of ``image (C, *shape)`` to the known neighbours along ``axis``."""
    size, pad = there.shape[axis], [0] * 6
    pad[4 - 2 * axis] = pad[5 - 2 * axis] = 1
    wide, known = functional.pad(image, pad), functional.pad(there, pad)
    total, count = torch.zeros_like(image), torch.zeros_like(image)
    for sign in (-1, 1):
        counts = there & known.narrow(axis, 1 + sign, size)
        total += counts * sign * (wide.narrow(axis + 1, 1 + sign, size) - image)
        count += counts
    return total / count.clamp(min=1)


def affine_force(image: Tensor, m: Matrix, upstream: Tensor) -> Matrix:
    """Return the derivative of the loss by the matrix ``m`` where the displacement is 0.

    Parameters
    ----------
    image
        The moving image ``(C, *spatial)``, 3-D.
    m
        ``(4, 4)``: from index coordinates of the working grid to those of ``image``.
    upstream
        ``d loss / d warped``, ``(C, *working)``.

    Returns
    -------
    Matrix
        ``(3, 4)``, float64: by the first three rows of ``m``.
    """
    if not loops_apply(image, upstream):
        still = torch.zeros(3, 1, 1, 1, device=image.device)
        with torch.enable_grad():
            leaf = torch.as_tensor(np.array(m), dtype=image.dtype, device=image.device)
            warped, _ = warp_reference(image, leaf.requires_grad_(), still, upstream.shape[1:])
            by_matrix = torch.autograd.grad(warped, leaf, upstream)[0][:3]
        out: Matrix = by_matrix.double().cpu().numpy()
        return out
    partial = np.zeros((upstream.shape[1], 3, 4))
    loops.affine_force(image.numpy(), np.array(m), upstream.numpy(), partial)
    total: Matrix = partial.sum(axis=0)
    return total


def warp_reference(
    image: Tensor, m: Matrix | Tensor, u: Tensor, shape: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Warp in PyTorch as :func:`warp_index`, differentiable in ``image``, ``m`` and ``u``.

    Parameters
    ----------
    image
        The moving image ``(C, *spatial)``.
    m
        ``(4, 4)``: from index coordinates of the working grid to those of ``image``.
    u
        ``(3, *any)`` on a grid of the extent of the working one, in voxels of its own.
    shape
        Of the working grid.

    Returns
    -------
    out, inside
        The image ``(C, *shape)``, 0 beyond its border, and 1 where the voxel came from inside it,
        0 elsewhere, ``(*shape)``.
    """
    points = _points(m, u, shape)
    inside = is_inside(points.detach(), image.shape[1:]).to(u.dtype)
    out = sample_linear_reference(image, points, 0.0)
    return out.reshape(-1, *shape), inside.reshape(*shape)


def _points(m: Matrix | Tensor, u: Tensor, shape: Sequence[int]) -> Tensor:
    """Return ``m (x + u(x))`` for every voxel, ``(N, 3)``."""
    x = (identity_index(tuple(shape), u) + resize_displacement(u, shape)).reshape(3, -1)
    whole = torch.as_tensor(m, dtype=u.dtype, device=u.device)
    return (whole[:3, :3] @ x + whole[:3, 3:]).T
