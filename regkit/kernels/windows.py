"""Local normalised cross-correlation over box windows: value and gradient.

Windows hold ``(2 radius + 1)**3`` voxels, fewer at the border; inside a window only voxels with
weight count, so that tissue outside a mask has no say in the statistics of a window inside it.
Their middles are ``stride`` voxels apart, and a window weighs what the voxels weigh that are
nearest to its middle.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from regkit.kernels.backend import loops_apply, with_triton
from regkit.kernels.cpu import loops

_MOST_BYTES = 1 << 23  # of statistics held at a time: memory, against starts of loops
EPSILON = 1e-5  # the variance of what counts as flat, in [0, 1]; that of icon-registration


@with_triton
def lncc_gradient(
    fixed: Tensor,
    warped: Tensor,
    weight: Tensor,
    radius: int,
    *,
    squared: bool,
    floor: float = EPSILON,
    stride: int = 1,
) -> tuple[float, Tensor]:
    """Return ``1 - mean(lncc)`` over the weight, and its gradient by ``warped``.

    Parameters
    ----------
    fixed, warped
        ``(I, J, K)``.
    weight
        ``(I, J, K)``: how much each voxel counts, in the mean and in the statistics of its windows.
    radius
        Half width of the windows in voxels, ``2 radius + 1`` an axis.
    squared
        Square the correlation, so that opposite contrasts match as well as equal ones.
    floor
        Added to each variance, so that what is flat correlates with nothing.
    stride
        Voxels between the middles of neighbouring windows.

    Returns
    -------
    loss, gradient
        The value, and ``d loss / d warped``, ``(I, J, K)``.
    """
    # The loop shares sums between windows, for which they must be three strides wide.
    if 2 * radius + 1 < 3 * stride or not loops_apply(fixed, warped, weight):
        return gradient_reference(
            fixed, warped, weight, radius, squared=squared, floor=floor, stride=stride
        )
    out = torch.empty_like(warped)
    correlation, total = loops.lncc_gradient(
        fixed.numpy(), warped.numpy(), weight.numpy(), radius, stride, squared, floor, _MOST_BYTES,
        out.numpy(),
    )  # fmt: skip
    return 1 - correlation / total, out


@torch.no_grad()
def gradient_reference(
    fixed: Tensor,
    warped: Tensor,
    weight: Tensor,
    radius: int,
    *,
    squared: bool,
    floor: float = EPSILON,
    stride: int = 1,
) -> tuple[float, Tensor]:
    """Return what :func:`lncc_gradient` does, in PyTorch, by sums over boxes.

    Every window pulls its voxels ``w`` along ``alpha (f - mean_f) - beta (w - mean_w)``; the sum of
    that over all windows that a voxel lies in is its gradient.

    Parameters
    ----------
    fixed, warped, weight
        ``(*spatial)`` in 2-D or 3-D.
    radius
        Half width of the windows in voxels.
    squared
        Square the correlation.
    floor
        Added to each variance.
    stride
        Voxels between the middles of neighbouring windows.
    """
    count, mean_f, mean_w, var_f, var_w, cov = _statistics(fixed, warped, weight, radius, floor)
    if squared:
        slope = 2 * cov / (var_f * var_w)
        cc = cov * slope / 2
        pull = 2 * cc / var_w
    else:
        slope = (var_f * var_w).rsqrt()
        cc = cov * slope
        pull = cc / var_w
    of_window = window_weight(weight, stride)
    share = of_window / count
    alpha, beta = slope * share, pull * share
    parts = torch.stack([alpha, beta, beta * mean_w - alpha * mean_f])
    alpha, beta, gamma = box_sum(parts, radius)
    total = weight.sum().clamp(min=1e-6)
    gradient = (alpha * fixed - beta * warped + gamma) * weight / -total
    return float(1 - (of_window * cc).sum() / total), gradient


def lncc_reference(
    fixed: Tensor,
    warped: Tensor,
    weight: Tensor,
    radius: int,
    *,
    squared: bool,
    floor: float = EPSILON,
    stride: int = 1,
) -> Tensor:
    """Return the loss of :func:`lncc_gradient` in PyTorch, differentiable.

    Parameters
    ----------
    fixed, warped, weight
        ``(*spatial)`` in 2-D or 3-D.
    radius
        Half width of the windows in voxels.
    squared
        Square the correlation.
    floor
        Added to each variance.
    stride
        Voxels between the middles of neighbouring windows.
    """
    _, _, _, var_f, var_w, cov = _statistics(fixed, warped, weight, radius, floor)
    cc = cov**2 / (var_f * var_w) if squared else cov / (var_f * var_w).sqrt()
    total = weight.sum().clamp(min=1e-6)
    loss: Tensor = 1 - (window_weight(weight, stride) * cc).sum() / total
    return loss


def window_weight(weight: Tensor, stride: int) -> Tensor:
    """Gather ``weight (*spatial)`` in the middles of windows that are ``stride`` voxels apart.

    Every voxel gives its own to the nearest of them; elsewhere there is 0.
    """
    out = weight
    if stride == 1:
        return out
    for axis, n in enumerate(weight.shape):
        last = -(-n // stride) - 1
        start = (n - 1 - last * stride) // 2
        voxels = torch.arange(n, device=weight.device)
        window = ((voxels - start + stride // 2) // stride).clamp(max=last)
        out = torch.zeros_like(out).index_add(axis, start + window * stride, out)
    return out


def local_correlation(fixed: Tensor, warped: Tensor, weight: Tensor, radius: int) -> Tensor:
    """Return the correlation of the window around every voxel, in PyTorch.

    It is for a look at a pair: a loop of optimisation takes :func:`lncc_gradient`.

    Parameters
    ----------
    fixed, warped, weight
        ``(*spatial)`` in 2-D or 3-D.
    radius
        Half width of the windows in voxels.

    Returns
    -------
    Tensor
        ``(*spatial)``, -1 to 1, near 0 where an image is flat.
    """
    _, _, _, var_f, var_w, cov = _statistics(fixed, warped, weight, radius)
    return cov / (var_f * var_w).sqrt()


def _statistics(
    fixed: Tensor, warped: Tensor, weight: Tensor, radius: int, floor: float = EPSILON
) -> list[Tensor]:
    """Compute weight, means, variances and covariance of every window."""
    f, w = weight * fixed, weight * warped
    count, *sums = box_sum(torch.stack([weight, f, w, f * fixed, w * warped, f * warped]), radius)
    count = count.clamp(min=1e-6)
    mean_f, mean_w, ff, ww, fw = [part / count for part in sums]
    var_f = (ff - mean_f**2).clamp(min=0) + floor
    var_w = (ww - mean_w**2).clamp(min=0) + floor
    return [count, mean_f, mean_w, var_f, var_w, fw - mean_f * mean_w]


def box_sum(image: Tensor, radius: int) -> Tensor:
    """Sum ``image (C, *spatial)`` over windows, which end at the border.

    ``radius`` is the half width in voxels.
    """
    ndim = image.ndim - 1
    pool = functional.avg_pool3d if ndim == 3 else functional.avg_pool2d
    out = image[None]
    for axis in range(ndim):
        size = [2 * radius + 1 if a == axis else 1 for a in range(ndim)]
        pad = [radius if a == ndim - 1 - axis else 0 for a in range(ndim) for _ in range(2)]
        # The pools' own padding refuses an axis that is shorter than the window.
        out = pool(functional.pad(out, pad), size, stride=1, divisor_override=1)
    return out[0]


def box_mean(images: Tensor, radii: Sequence[int]) -> Tensor:
    """Average ``images (C, *spatial)`` over windows, which hold fewer voxels at the border.

    ``radii`` are the half widths along each axis, in voxels.

    By a product with a banded matrix an axis: exact where running sums cancel, and faster up to
    some 250 voxels.
    """
    shape = images.shape
    for axis, radius in enumerate(radii, 1):
        n = shape[axis]
        at = torch.arange(n, device=images.device)
        near = ((at[:, None] - at).abs() <= radius).to(images.dtype)
        mean = near / near.sum(1, keepdim=True)
        rows = images.reshape(*shape[:axis], n, -1)
        with torch.autocast(images.device.type, enabled=False):  # a variance is a difference
            images = (mean @ rows if axis < len(shape) - 1 else images @ mean.T).reshape(shape)
    return images
