"""Interpolate an array at index coordinates by more than the nearest voxels.

What is inside is what :mod:`regkit.kernels.sampling` says: from -0.5 to below n - 0.5, clamped to
the outermost voxel centres.
"""

from __future__ import annotations

from itertools import product
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from regkit.geometry.grid import is_inside
from regkit.kernels.backend import loops_apply
from regkit.kernels.cpu import loops

SmoothMethod = Literal["cubic", "sinc"]
_RADIUS = 5  # voxels, of the window of Lanczos
_AT_ONCE = 1 << 22  # voxels that the reference gathers


def spline_coefficients(image: Tensor) -> Tensor:
    """Return the coefficients of the cubic B-spline that goes through every voxel of an image.

    Parameters
    ----------
    image
        ``(C, *spatial)``, mirrored at the centres of its outermost voxels.

    Returns
    -------
    Tensor
        ``(C, *spatial)`` float32, on the CPU.
    """
    from scipy.ndimage import spline_filter1d

    found = image.detach().cpu().double().numpy()
    for axis in range(1, image.ndim):
        if found.shape[axis] > 1:
            found = spline_filter1d(found, 3, axis=axis, mode="mirror")
    return torch.from_numpy(found.astype(np.float32))


def sample_smoothly(
    image: Tensor, index: Tensor, method: SmoothMethod, *, outside: float = 0.0
) -> Tensor:
    """Interpolate at index coordinates.

    Parameters
    ----------
    image
        ``(C, *spatial)`` in 2-D or 3-D; for ``cubic`` its :func:`spline_coefficients`.
    index
        ``(..., d)`` index coordinates, voxel centres at integers.
    method
        ``cubic``: a B-spline of degree 3 (Unser 1999); ``sinc``: under the window of Lanczos of
        radius 5, its weights normalised (Meijering et al. 1999).
    outside
        The value beyond the array.

    Returns
    -------
    Tensor
        ``(C, ...)`` float32.

    Examples
    --------
    >>> wave = torch.sin(torch.arange(40.0) / 3).reshape(1, 1, 40)
    >>> found = sample_smoothly(wave, torch.tensor([[0.0, 20.5]]), "sinc")
    >>> round(float(found[0, 0] - torch.sin(torch.tensor(20.5 / 3))), 3)
    0.0
    """
    points = index.reshape(-1, index.shape[-1])
    if loops_apply(image, index):
        whole, at = image.float(), points.double()
        if at.shape[1] == 2:
            whole, at = whole[:, None], torch.nn.functional.pad(at, (1, 0))
        flat = torch.empty(len(image), len(at))
        loop = loops.sample_cubic if method == "cubic" else loops.sample_sinc
        loop(whole.contiguous().numpy(), at.contiguous().numpy(), outside, flat.numpy())
    else:
        flat = sample_smoothly_reference(image, points, method, outside)
    return flat.reshape(image.shape[0], *index.shape[:-1])


def sample_smoothly_reference(
    image: Tensor, points: Tensor, method: SmoothMethod, outside: float
) -> Tensor:
    """Do in PyTorch what :func:`sample_smoothly` does.

    Parameters
    ----------
    image
        ``(C, *spatial)``.
    points
        ``(N, d)`` index coordinates.
    method
        ``cubic`` or ``sinc``.
    outside
        The value beyond the array.

    Returns
    -------
    Tensor
        ``(C, N)`` float32.
    """
    taps = 4 if method == "cubic" else 2 * _RADIUS
    parts = points.split(max(1, _AT_ONCE // taps ** points.shape[1]))
    whole = image.double()
    values = torch.cat([_gathered(whole, part.double(), method, taps) for part in parts], 1)
    inside = is_inside(points, image.shape[1:])
    return torch.where(inside, values.float(), values.new_tensor(outside).float())


def _gathered(image: Tensor, points: Tensor, method: SmoothMethod, taps: int) -> Tensor:
    """``(C, N)``: the voxels about each point, weighed axis by axis, the last axis first."""
    axes = [
        _axis(points[:, axis], image.shape[axis + 1], method, taps)
        for axis in range(points.shape[1])
    ]
    where: list[slice | Tensor] = [slice(None)]
    where += [
        at.reshape(len(points), *[taps if k == axis else 1 for k in range(len(axes))])
        for axis, (at, _) in enumerate(axes)
    ]
    found = image[tuple(where)]
    for _, weights in reversed(axes):
        found = (found * weights.reshape(len(points), *[1] * (found.ndim - 3), taps)).sum(-1)
    return found


def _axis(p: Tensor, size: int, method: SmoothMethod, taps: int) -> tuple[Tensor, Tensor]:
    """Indices and weights ``(N, taps)`` along one axis."""
    inside = p.clamp(0, size - 1)
    low = inside.floor()
    at = low.long()[:, None] - (taps // 2 - 1) + torch.arange(taps, device=p.device)
    t = (inside - low)[:, None]
    if method == "sinc":
        return at.clamp(0, size - 1), _sinc_weights(t, taps)
    period = max(1, 2 * (size - 1))
    folded = at.remainder(period)
    return torch.minimum(folded, period - folded), _cubic_weights(t)


def _cubic_weights(t: Tensor) -> Tensor:
    s = 1 - t
    parts = (s**3 / 6, 2 / 3 - t**2 * (2 - t) / 2, 2 / 3 - s**2 * (2 - s) / 2, t**3 / 6)
    return torch.cat(parts, dim=1)


def _sinc_weights(t: Tensor, taps: int) -> Tensor:
    apart = t + taps // 2 - 1 - torch.arange(taps, device=t.device)
    found = torch.sinc(apart) * torch.sinc(apart / (taps // 2))
    return found / found.sum(1, keepdim=True)


def vote(labels: Tensor, index: Tensor, *, outside: int = 0) -> Tensor:
    """Take at index coordinates the label that linear weights of the voxels around speak for.

    Known as generic label interpolation: borders between structures are where linear
    interpolation of each has them, which nearest neighbours turn into steps.

    Parameters
    ----------
    labels
        ``(C, *spatial)`` whole numbers, in 2-D or 3-D.
    index
        ``(..., d)`` index coordinates, voxel centres at integers.
    outside
        The label beyond the array.

    Returns
    -------
    Tensor
        ``(C, ...)`` of the type of ``labels``.

    Examples
    --------
    >>> vote(torch.tensor([[[5, 5], [5, 9]]]), torch.tensor([[0.7, 0.6], [0.9, 0.8]])).tolist()
    [[5, 9]]
    """
    points = index.reshape(-1, index.shape[-1])
    size = torch.tensor(labels.shape[1:], dtype=points.dtype, device=points.device)
    held = points.clamp(min=0).minimum(size - 1)
    low = held.floor()
    share = held - low
    found, weights = [], []
    for corner in product((0, 1), repeat=points.shape[1]):
        step = torch.tensor(corner, dtype=points.dtype, device=points.device)
        at = (low + step).minimum(size - 1).long()
        where: list[slice | Tensor] = [slice(None), *at.unbind(-1)]
        found.append(labels[tuple(where)])
        weights.append(torch.where(step == 1, share, 1 - share).prod(-1))
    score = [
        sum(weight * (each == other) for weight, other in zip(weights, found, strict=True))
        for each in found
    ]
    best = torch.stack([torch.as_tensor(each) for each in score]).argmax(0)
    chosen = torch.stack(found).gather(0, best[None])[0]
    inside = is_inside(points, labels.shape[1:])
    out = torch.where(inside, chosen, chosen.new_tensor(outside))
    return out.reshape(labels.shape[0], *index.shape[:-1])
