"""Sample a volume at points, or on another grid. The only way regkit does it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.affines import Matrix, homogeneous
from regkit.geometry.grid import Grid
from regkit.geometry.world import check_same_world
from regkit.kernels.fields import turn_vectors
from regkit.kernels.interpolation import sample_smoothly, sample_voted
from regkit.kernels.sampling import sample
from regkit.kernels.smoothing import gaussian
from regkit.kernels.spline import spline_coefficients
from regkit.kernels.warping import warp_grid
from regkit.transforms import Affine, Transform
from regkit.volume.fill import check_fill
from regkit.volume.volume import AnyVolume, Labels, Volume

Interpolation = Literal["linear", "nearest", "cubic", "sinc", "label"]
INTERPOLATIONS: tuple[Interpolation, ...] = get_args(Interpolation)
_OF_IMAGES: tuple[Interpolation, ...] = ("linear", "nearest", "cubic", "sinc")
_OF_LABELS: tuple[Interpolation, ...] = ("nearest", "label")
_LEAST_DATA = 0.5  # the share of data among the voxels that are mixed into one that has data
_LEAST_WEIGHT = 1e-6  # keeps a quotient finite where no data is near
_LARGEST_SINGLE = 2**24
_PART = 0.5  # of a volume; to sample more than this, all of it is taken
_FARTHEST = 2**31  # voxels; what lies beyond is not counted in whole numbers


def values_at(volume: Volume, points: Tensor, *, outside: float = 0.0) -> Tensor:
    """Sample a volume at world points: the nearest voxel for labels, else linear interpolation.

    Parameters
    ----------
    volume
        The image or labels. Voxels that are not ``valid`` are mixed into no value.
    points
        ``(..., d)``, in units of the volume's world.
    outside
        The value of points outside the grid, and of those where most of what would be mixed is no
        data.

    Returns
    -------
    Tensor
        ``(C, ...)``; the label type for labels, float32 for images, or float64 where float32
        cannot tell their values apart.

    Raises
    ------
    InputError
        If the type of the result cannot hold ``outside``.
    """
    near, index = isinstance(volume, Labels), volume.grid.to_index(points)
    volume, index = _around(volume, index)
    source = _source(volume)
    check_fill(outside, source.dtype, volume.name)
    if volume.valid is None:
        return sample(source, index, nearest=near, outside=outside)
    values, weight = (sample(each, index, nearest=near) for each in _masked(volume))
    return _normalised(values, weight, outside)


def _around(volume: Volume, index: Tensor) -> tuple[Volume, Tensor]:
    """The part of a volume that samples at ``index`` touch, and their indices in it.

    A slice or a few landmarks need little of a volume, which may have to be converted or masked.
    """
    if not index.numel():
        return volume, index
    ends = torch.tensor(volume.shape, device=index.device)
    found = index.reshape(-1, volume.ndim).nan_to_num()
    low, high = found.amin(0).floor() - 1, found.amax(0).ceil() + 2
    start, stop = (each.clamp(min=0).minimum(ends).long() for each in (low, high))
    start = start.minimum(ends - 1)
    shape = (stop.maximum(start + 1) - start).tolist()
    if math.prod(shape) > _PART * math.prod(volume.shape):
        return volume, index
    return volume.window(start.tolist(), shape), index - start.to(index)


def warp(
    moving: AnyVolume,
    phi: Transform,
    *,
    onto: Grid | Volume,
    outside: float = 0.0,
    interpolation: Interpolation | None = None,
) -> AnyVolume:
    """Resample ``moving`` on ``onto`` through ``phi``: ``warped(x) = moving(phi(x))``.

    Parameters
    ----------
    moving
        Image (kept type: integers are rounded) or labels. Voxels that are not ``valid`` are mixed
        into none, and the result says where it has data.
    phi
        World points of ``onto`` to world points of ``moving``.
    onto
        The grid of the result, or a volume on that grid.
    outside
        Value where ``phi`` leaves ``moving``: 0, or -1000 for CT in Hounsfield units.
    interpolation
        Of an image ``linear`` (the default), ``nearest``, ``cubic`` (B-spline) or ``sinc``
        (Lanczos, radius 5), the last two of which may pass the range of the image near its edges;
        of labels ``nearest`` (the default) or ``label`` (the one that linear weights of the voxels
        around speak for).

    Raises
    ------
    InputError
        If the dimensions of ``moving``, ``phi`` and ``onto`` differ, the interpolation is not one
        for ``moving``, the type of ``moving`` cannot
        hold ``outside``, or ``moving`` and ``onto`` lie in other worlds than ``phi`` connects (in
        two worlds, where ``phi`` does not say).

    Examples
    --------
    >>> grid = Grid((2, 2), np.eye(3))
    >>> image = Volume(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), grid)
    >>> warp(image, Affine.identity(2), onto=grid).data.tolist()
    [[[1.0, 2.0], [3.0, 4.0]]]
    """
    onto = onto.grid if isinstance(onto, Volume) else onto
    _check_spaces(moving, phi, onto)
    check_fill(outside, moving.data.dtype, moving.name)
    method = _checked(interpolation, moving)
    start = _whole_shift(phi, onto, moving.grid)
    if start is not None:
        return replace(moving.window(start, onto.shape, fill=outside), grid=onto)
    if method not in ("linear", "nearest"):
        return replace(moving, data=_warped_smoothly(moving, phi, onto, outside, method), grid=onto)
    near = method == "nearest"
    if moving.valid is None:
        return replace(moving, data=_warped(moving, phi, onto, outside, near=near), grid=onto)
    return _warped_where_valid(moving, phi, onto, outside, near=near)


def _checked(interpolation: Interpolation | None, moving: Volume) -> Interpolation:
    """The method for an image or labels.

    Raises
    ------
    InputError
        If it is not for them.
    """
    allowed = _OF_LABELS if isinstance(moving, Labels) else _OF_IMAGES
    method = interpolation or allowed[0]
    what = "labels" if isinstance(moving, Labels) else "an image"
    if method not in allowed:
        raise InputError(
            f"{moving.name or 'moving'}: interpolation {method!r:.20} is not for {what}; allowed: "
            f"{', '.join(allowed)}"
        )
    if moving.valid is not None and method not in ("linear", "nearest"):
        raise InputError(
            f"{moving.name or 'moving'}: has voxels without data, which {method} interpolation "
            "would mix into others; take linear, or nearest"
        )
    return method


def _warped_smoothly(
    moving: Volume, phi: Transform, onto: Grid, outside: float, method: Interpolation
) -> Tensor:
    source = moving.data.cpu()
    if method == "cubic":
        source = torch.from_numpy(spline_coefficients(source.numpy()))
    out = moving.data.new_empty((moving.channels, *onto.shape))
    for rows in onto.slabs(1 << 18):
        index = moving.grid.to_index(phi(onto.world_points(rows)))
        if method == "label":
            out[:, rows] = sample_voted(source, index, outside=int(outside))
        elif method in ("cubic", "sinc"):
            values = sample_smoothly(source, index, method, outside=outside)
            out[:, rows] = _as(values, moving.data.dtype)
    return out


def _check_spaces(moving: Volume, phi: Transform, onto: Grid) -> None:
    name = moving.name or "moving"
    if not moving.ndim == phi.ndim == onto.ndim:
        raise InputError(
            f"{name} has {moving.ndim} axes, the transform {phi.ndim}, "
            f"the target grid {onto.ndim}; they must agree"
        )
    ends = phi.moving_world or phi.fixed_world or onto.world
    begins = phi.fixed_world or phi.moving_world or onto.world
    check_same_world(moving.grid.world, ends, (name, "what the transform gives"))
    check_same_world(onto.world, begins, ("the target grid", "what the transform takes"))


def _whole_shift(phi: Transform, onto: Grid, moving: Grid) -> list[int] | None:
    """Where ``onto`` starts in ``moving`` if ``phi`` takes voxel to voxel: then none is mixed."""
    if not isinstance(phi, Affine):
        return None
    step = moving.inverse_affine @ phi.matrix @ onto.affine
    return _shift(step, onto.shape, tolerance=1e-6)


def _warped_where_valid(
    moving: AnyVolume, phi: Transform, onto: Grid, outside: float, *, near: bool
) -> AnyVolume:
    """Normalised convolution (Knutsson and Westin, CVPR 1993): only voxels with data are mixed."""
    data, known = _masked(moving)
    out = moving.data.new_empty((moving.channels, *onto.shape))
    valid = torch.empty(onto.shape, dtype=torch.bool, device=out.device)
    for rows in onto.slabs():
        m, u = _index_map(phi, onto.rows(rows), moving.grid)
        shape, u = valid[rows].shape, u.to(data.device)
        values = warp_grid(data, m, u, shape, nearest=near)
        weight = warp_grid(known, m, u, shape, nearest=near)
        out[:, rows] = _as(_normalised(values, weight, outside), moving.data.dtype)
        valid[rows] = weight[0] >= _LEAST_DATA
    return replace(moving, data=out, grid=onto, valid=valid)


def _masked(volume: Volume) -> tuple[Tensor, Tensor]:
    """Voxels, 0 where there is no data, and 1 where there is some, ``(1, *spatial)``."""
    source, valid = _source(volume), volume.valid
    if valid is None:
        return source, source.new_ones(1, *volume.shape)
    valid = valid.to(source.device)
    return torch.where(valid, source, source.new_tensor(0)), valid[None].to(source.dtype)


def _normalised(values: Tensor, weight: Tensor, outside: float) -> Tensor:
    """Sums over weights, and ``outside`` where less than half of what was mixed is data."""
    enough = weight >= _LEAST_DATA
    mean = values / weight.clamp(min=_LEAST_DATA) if values.is_floating_point() else values
    return torch.where(enough, mean, values.new_tensor(outside))


def _warped(moving: Volume, phi: Transform, onto: Grid, outside: float, *, near: bool) -> Tensor:
    source = _source(moving)
    out = moving.data.new_empty((moving.channels, *onto.shape))
    for rows in onto.slabs():
        m, u = _index_map(phi, onto.rows(rows), moving.grid)
        shape = out[:, rows].shape[1:]
        values = warp_grid(source, m, u.to(source.device), shape, nearest=near, outside=outside)
        out[:, rows] = _as(values, moving.data.dtype)
    return out


def _source(volume: Volume) -> Tensor:
    """Voxels in a type in which they can be mixed and none changes its value by that alone."""
    data = volume.data
    if isinstance(volume, Labels) or data.dtype is torch.float64:
        return data
    return data.to(torch.float64 if _is_wide(data) else torch.float32)


def _is_wide(data: Tensor) -> bool:
    """Whether whole numbers pass 2**24, from where on float32 leaves some out."""
    if data.dtype not in (torch.int32, torch.int64):
        return False
    low, high = data.aminmax()
    return int(low) < -_LARGEST_SINGLE or int(high) > _LARGEST_SINGLE


def _index_map(phi: Transform, onto: Grid, moving: Grid) -> tuple[Matrix, Tensor]:
    """``phi`` at the voxels of ``onto``: a matrix to indices of ``moving``, voxels before it."""
    matrix, u = phi.on(onto)
    before = turn_vectors(u, onto.inverse_affine[:-1, :-1], out=u)
    return moving.inverse_affine @ matrix @ onto.affine, before


def resample(volume: AnyVolume, onto: Grid, *, outside: float = 0.0) -> AnyVolume:
    """Put a volume on another grid of the same world, smoothed first where that grid is coarser.

    The Gaussian before a reduction by ``f`` has a standard deviation of ``sqrt((f**2 - 1) / 12)``
    voxels, the difference of the two voxel widths in second moment. Labels are not smoothed. Where
    the voxels of ``onto`` are voxels of the volume, it is cropped and padded, and no value changes.

    Parameters
    ----------
    volume
        The image (linear interpolation, its type is kept) or labels (nearest voxel).
    onto
        The grid of the result; it must lie in the world of the volume.
    outside
        The value of voxels of ``onto`` that lie outside the volume.

    Raises
    ------
    InputError
        If the two lie in different worlds or dimensions, or the type of the voxels cannot hold
        ``outside``.

    Examples
    --------
    >>> fine = Volume(torch.ones(8, 8), Grid((8, 8), np.eye(3)))
    >>> resample(fine, fine.grid.with_spacing(2.0)).data.shape
    torch.Size([1, 4, 4])
    """
    check_same_world(volume.grid.world, onto.world, (volume.name or "volume", "the target grid"))
    start = _window_start(volume.grid, onto)
    if start is not None:
        return volume.window(start, onto.shape, fill=outside)
    if not isinstance(volume, Labels):
        volume = antialias(volume, onto)
    return warp(volume, Affine.identity(volume.ndim), onto=onto, outside=outside)


def straighten(volume: AnyVolume, *, outside: float = 0.0) -> AnyVolume:
    """Resample a volume on ``volume.grid.straightened()`` where its axes are sheared; else keep it.

    ``outside`` is the value of voxels that the volume does not cover.

    Examples
    --------
    >>> tilted = Grid((4, 4), [[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> straighten(Volume(torch.ones(4, 4), tilted)).data.shape
    torch.Size([1, 5, 5])
    """
    grid = volume.grid.straightened()
    if grid is volume.grid:
        return volume
    return warp(volume, Affine.identity(volume.ndim), onto=grid, outside=outside)


def _window_start(grid: Grid, onto: Grid) -> list[int] | None:
    """First index of ``onto`` in ``grid`` if its voxels are voxels of ``grid``; else None."""
    return _shift(grid.inverse_affine @ onto.affine, onto.shape, tolerance=1e-3)


def _shift(step: Matrix, shape: tuple[int, ...], tolerance: float) -> list[int] | None:
    """The whole numbers of voxels by which ``step`` moves every voxel, if it does no more."""
    start = np.rint(step[:-1, -1])
    if np.abs(start).max() > _FARTHEST:
        return None
    apart = np.abs(step - homogeneous(np.eye(len(start)), start)).max(axis=1)
    whole = float(apart.max()) * np.max(shape) < tolerance
    return start.astype(int).tolist() if whole else None


def antialias(volume: AnyVolume, onto: Grid) -> AnyVolume:
    """Smooth ``volume`` so that it may be sampled at the spacing of ``onto``, on its own grid."""
    turn = np.abs(np.linalg.inv(volume.grid.affine)[:-1, :-1] @ onto.affine[:-1, :-1])
    factor = np.maximum(turn.max(axis=1), 1.0)
    sigma = np.sqrt((factor**2 - 1) / 12)
    if not (sigma > 0.1).any():
        return volume
    if volume.valid is None:
        smooth = gaussian(_source(volume), sigma.tolist())
    else:
        smooth, known = (gaussian(each, sigma.tolist()) for each in _masked(volume))
        smooth = smooth / known.clamp(min=_LEAST_WEIGHT)
    return volume.with_data(_as(smooth, volume.data.dtype))


def _as(values: Tensor, dtype: torch.dtype) -> Tensor:
    if dtype.is_floating_point or not values.is_floating_point():
        return values.to(dtype)
    info = torch.iinfo(dtype)
    # float(info.max) of 64 bits is one above it, and would come out negative.
    rounded = values.round()
    whole = rounded.clamp(info.min, info.max).to(dtype)
    return torch.where(rounded >= float(info.max), info.max, whole)
