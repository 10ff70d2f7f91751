"""Joint histograms of two images with Parzen windows, and their adjoint."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from regkit.kernels.backend import loops_apply
from regkit.kernels.cpu import loops


def joint_histogram(fixed: Tensor, warped: Tensor, weight: Tensor, bins: int) -> Tensor:
    """Return the weighted joint histogram of two images with intensities in [0, 1].

    Windows are linear along fixed and cubic B-splines along warped, so that the histogram is smooth
    in the image that moves.

    Parameters
    ----------
    fixed, warped
        ``(I, J, K)``; values beyond [0, 1] count as 0 or 1.
    weight
        ``(I, J, K)``: how much each voxel counts.
    bins
        How many bins each image has; those at the ends take the tails of the windows.

    Returns
    -------
    Tensor
        ``(bins, bins)``, float64: rows are intensities of fixed. It sums to the sum of ``weight``.

    Notes
    -----
    Mattes et al., IEEE TMI 2003.
    """
    if not loops_apply(fixed, warped, weight):
        return joint_histogram_reference(fixed, warped, weight, bins)
    partial = np.zeros((fixed.shape[0], bins, bins))
    loops.joint(fixed.numpy(), warped.numpy(), weight.numpy(), partial)
    return torch.from_numpy(partial.sum(axis=0))


def histogram_gradient(fixed: Tensor, warped: Tensor, weight: Tensor, table: Tensor) -> Tensor:
    """Return the derivative of ``sum(table * joint_histogram)`` by ``warped``.

    Parameters
    ----------
    fixed, warped, weight
        ``(I, J, K)``, as :func:`joint_histogram` takes them.
    table
        ``(bins, bins)``: the derivative of a loss by every bin of the histogram.

    Returns
    -------
    Tensor
        ``(I, J, K)``.
    """
    bins = len(table)
    if not loops_apply(fixed, warped, weight):
        with torch.enable_grad():
            leaf = warped.detach().clone().requires_grad_()
            joint = joint_histogram_reference(fixed, leaf, weight, bins)
            return torch.autograd.grad((joint * table).sum(), leaf)[0]
    out = torch.empty_like(warped)
    values = table.to(torch.float32).contiguous().numpy()
    loops.joint_gradient(fixed.numpy(), warped.numpy(), weight.numpy(), values, out.numpy())
    return out


def histogram_lookup(fixed: Tensor, warped: Tensor, weight: Tensor, table: Tensor) -> Tensor:
    """Return the derivative of ``sum(table * joint_histogram)`` by ``weight``.

    It is the value of ``table`` at each voxel's pair of intensities, seen through the windows.

    Parameters
    ----------
    fixed, warped, weight
        ``(I, J, K)``, as :func:`joint_histogram` takes them.
    table
        ``(bins, bins)``: the derivative of a loss by every bin of the histogram.

    Returns
    -------
    Tensor
        ``(I, J, K)``, 0 where there is no weight.
    """
    if not loops_apply(fixed, warped, weight):
        with torch.enable_grad():
            leaf = weight.detach().clone().requires_grad_()
            joint = joint_histogram_reference(fixed, warped, leaf, len(table))
            told = torch.autograd.grad((joint * table).sum(), leaf)[0]
        return told * (weight > 0)
    out = torch.empty_like(warped)
    values = table.to(torch.float32).contiguous().numpy()
    loops.lookup(fixed.numpy(), warped.numpy(), weight.numpy(), values, out.numpy())
    return out


def joint_histogram_reference(fixed: Tensor, warped: Tensor, weight: Tensor, bins: int) -> Tensor:
    """Return what :func:`joint_histogram` does, in PyTorch; differentiable in warped and weight.

    Parameters
    ----------
    fixed, warped, weight
        ``(*spatial)``, all of one shape.
    bins
        How many bins each image has.
    """
    f, s = _bin(fixed.reshape(-1), bins)
    w, t = _bin(warped.reshape(-1), bins)
    m = weight.reshape(-1).double()
    out = torch.zeros(bins * bins, dtype=torch.float64, device=fixed.device)
    for row, along in ((f, m * (1 - s)), (f + 1, m * s)):
        for offset, spline in enumerate(_cubic(t)):
            out = out.index_add(0, row * bins + w + offset - 1, along * spline)
    return out.reshape(bins, bins)


def _bin(values: Tensor, bins: int) -> tuple[Tensor, Tensor]:
    position = values.double().clamp(0, 1) * (bins - 4) + 1
    low = position.detach().long().clamp(max=bins - 3)
    return low, position - low


def _cubic(t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    s = 1 - t
    middle = (3 * t**3 - 6 * t**2 + 4) / 6, (3 * s**3 - 6 * s**2 + 4) / 6
    return s**3 / 6, *middle, t**3 / 6
