"""Interpolate an array at index coordinates. The one place that knows ``grid_sample``.

The rule of what is inside is ITK's: index coordinates from -0.5 to below n - 0.5, clamped to the
outermost voxel centres; beyond that lies ``outside``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from regkit.geometry.grid import is_inside
from regkit.kernels.backend import loops_apply
from regkit.kernels.cpu import loops


def sample(image: Tensor, index: Tensor, *, nearest: bool = False, outside: float = 0.0) -> Tensor:
    """Interpolate ``image`` at ``index``.

    Parameters
    ----------
    image
        ``(C, *spatial)`` in 2-D or 3-D.
    index
        ``(..., d)`` index coordinates, voxel centres at integers.
    nearest
        Take the nearest voxel (halves round up) and keep the type; else linear: in float64 if
        ``image`` is, otherwise in float32.
    outside
        The value beyond the array.

    Returns
    -------
    Tensor
        ``(C, ...)``.

    Examples
    --------
    >>> sample(torch.arange(4.0).reshape(1, 2, 2), torch.tensor([[0.5, 0.5]])).tolist()
    [[1.5]]
    """
    ndim = index.shape[-1]
    points = index.reshape(-1, ndim)
    if loops_apply(image, index) and (nearest or image.dtype is not torch.float64):
        flat = _sample_loops(image, points, nearest, outside)
    elif nearest:
        flat = sample_nearest_reference(image, points, outside)
    else:
        flat = sample_linear_reference(image, points, outside)
    return flat.reshape(image.shape[0], *index.shape[:-1])


def _sample_loops(image: Tensor, points: Tensor, nearest: bool, outside: float) -> Tensor:
    image = image.detach() if nearest else image.detach().to(torch.float32)
    if points.shape[1] == 2:
        image = image[:, None]
        points = functional.pad(points, (1, 0))
    out = torch.empty(image.shape[0], len(points), dtype=image.dtype)
    where = points.detach().double().contiguous().numpy()
    if nearest:
        fill = bits_of(out.new_tensor([outside])).item()
        source = bits_of(image.contiguous()).numpy()
        loops.sample_nearest(source, where, fill, bits_of(out).numpy())
    else:
        loops.sample_linear(image.contiguous().numpy(), where, outside, out.numpy())
    return out


def bits_of(values: Tensor) -> Tensor:
    """View ``values``, of any shape and type, as integers of the same size: to be copied as such.

    Examples
    --------
    >>> bits_of(torch.tensor([True, False])).tolist()
    [1, 0]
    """
    sizes = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    return values.view(sizes[values.element_size()])


def sample_linear_reference(image: Tensor, points: Tensor, outside: float) -> Tensor:
    """Interpolate linearly by ``grid_sample``; differentiable in ``image`` and ``points``.

    Parameters
    ----------
    image
        ``(C, *spatial)``.
    points
        ``(N, d)`` index coordinates.
    outside
        The value beyond the array.

    Returns
    -------
    Tensor
        ``(C, N)``, float64 if ``image`` is, otherwise float32.
    """
    shape = image.shape[1:]
    working = torch.float64 if image.dtype is torch.float64 else torch.float32
    size = torch.tensor(shape, dtype=points.dtype, device=points.device)
    # grid_sample wants reversed axes scaled so that -1 and 1 are the first and last centre.
    unit = (2 * points / (size - 1).clamp(min=1) - 1).flip(-1)
    unit = unit.to(working).reshape(1, *([1] * (len(shape) - 1)), -1, len(shape))
    values = functional.grid_sample(
        image[None].to(working), unit, padding_mode="border", align_corners=True
    ).reshape(image.shape[0], -1)
    return torch.where(is_inside(points, image.shape[1:]), values, values.new_tensor(outside))


def sample_unit(images: Tensor, points: Tensor) -> Tensor:
    """Interpolate a batch linearly at shares of the field of view; differentiable.

    Registration networks have their coordinates in this form.

    Parameters
    ----------
    images
        ``(B, C, *spatial)``; beyond the outermost voxel centres their values go on.
    points
        ``(B, d, *any)``, or one batch for all images: shares of the field of view, 0 the first
        voxel centre of an axis and 1 the last.

    Returns
    -------
    Tensor
        ``(B, C, *any)``.

    Examples
    --------
    >>> image = torch.tensor([[[[0.0, 1.0, 2.0]]]])
    >>> sample_unit(image, torch.tensor([0.0, 0.75]).reshape(1, 2, 1, 1)).item()
    1.5
    """
    points = points.expand(images.shape[0], *[-1] * points[0].ndim)
    if images.ndim == 5 and images.dtype == torch.float32 and loops_apply(images, points):
        return _sample_unit_loops(images, points)
    unit = (2 * points - 1).flip(1).movedim(1, -1)
    return functional.grid_sample(images, unit, padding_mode="border", align_corners=True)


def unit_points(shape: Sequence[int], like: Tensor) -> Tensor:
    """Return voxel centres as shares of the field of view, ``(1, d, *shape)``.

    An axis of one voxel is at 0. Type and device are those of ``like``.
    """
    axes = [torch.arange(n, dtype=like.dtype, device=like.device) / max(n - 1, 1) for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).movedim(-1, 0)[None]


def warp_unit(images: Tensor, u: Tensor) -> Tensor:
    """Return ``images(x + u(x))`` for every voxel ``x`` of ``u``; differentiable.

    The interpolation is that of :func:`sample_unit`.

    Parameters
    ----------
    images
        ``(B, C, *spatial)``.
    u
        ``(B, d, *shape)``, or one for all images, in shares of the field of view.

    Returns
    -------
    Tensor
        ``(B, C, *shape)``.

    Examples
    --------
    >>> image = torch.tensor([[[[0.0, 1.0, 2.0]]]])
    >>> warp_unit(image, torch.tensor([0.0, 0.25]).reshape(1, 2, 1, 1).expand(1, 2, 1, 3)).tolist()
    [[[[0.5, 1.5, 2.0]]]]
    """
    plain = images.dtype == u.dtype == torch.float32
    if images.ndim == 5 and plain and loops_apply(images, u):
        return _warp_unit_loops(images, u)
    return sample_unit(images, unit_points(u.shape[2:], u) + u)


def _warp_unit_loops(images: Tensor, u: Tensor) -> Tensor:
    u = u.detach().expand(images.shape[0], *[-1] * 4).movedim(1, -1).contiguous()
    out = images.new_empty(*u.shape[:-1], images.shape[1])
    for image, each, values in zip(images.detach().movedim(1, -1), u, out, strict=True):
        loops.warp_unit(image.contiguous().numpy(), each.numpy(), values.numpy())
    return out.movedim(-1, 1)


def _sample_unit_loops(images: Tensor, points: Tensor) -> Tensor:
    where = points.detach().movedim(1, -1).contiguous()
    out = images.new_empty(*where.shape[:-1], images.shape[1])
    for image, each, values in zip(images.detach().movedim(1, -1), where, out, strict=True):
        flat = values.reshape(-1, images.shape[1])
        loops.sample_unit(image.contiguous().numpy(), each.reshape(-1, 3).numpy(), flat.numpy())
    return out.movedim(-1, 1)


def sample_nearest_reference(image: Tensor, points: Tensor, outside: float) -> Tensor:
    """Take the nearest voxel by indexing; the type of ``image`` is kept.

    Parameters
    ----------
    image
        ``(C, *spatial)``.
    points
        ``(N, d)`` index coordinates; halves round up.
    outside
        The value beyond the array.

    Returns
    -------
    Tensor
        ``(C, N)``.
    """
    size = torch.tensor(image.shape[1:], dtype=points.dtype, device=points.device)
    nearest = torch.floor(points + 0.5).clamp(min=0)
    nearest = torch.minimum(nearest, size - 1).long()
    where: list[slice | Tensor] = [slice(None), *nearest.unbind(-1)]
    values = image[tuple(where)]
    return torch.where(is_inside(points, image.shape[1:]), values, values.new_tensor(outside))
