"""Measure how far mapped landmarks lie from where they should."""

from __future__ import annotations

from torch import Tensor

from regkit.errors import InputError
from regkit.transforms import Transform
from regkit.volume.points import Points


def landmark_error(phi: Transform, fixed_points: Points, moving_points: Points) -> Tensor:
    """Return the target registration error ``|phi(p_fixed) - p_moving|`` of each landmark.

    Parameters
    ----------
    phi
        World points of fixed to world points of moving.
    fixed_points, moving_points
        The same ``N`` landmarks in both images, in the same order.

    Returns
    -------
    Tensor
        ``(N,)`` float64, world units.

    Raises
    ------
    InputError
        If the two sets differ in number, dimension or names.

    Examples
    --------
    >>> import torch
    >>> from regkit.transforms import Affine
    >>> one = Points(torch.zeros(2, 3))
    >>> landmark_error(Affine.identity(), one, Points(torch.tensor([[3.0, 4, 0], [0, 0, 0]])))
    tensor([5., 0.], dtype=torch.float64)
    """
    check_same_landmarks(fixed_points, moving_points)
    if fixed_points.xyz.shape[1] != phi.ndim:
        raise InputError(
            f"landmarks: {fixed_points.xyz.shape[1]}-D, and a {phi.ndim}-D transform; they must "
            "agree"
        )
    return (phi(fixed_points.xyz) - moving_points.xyz).square().sum(-1).sqrt()


def landmark_metrics(errors: Tensor) -> dict[str, float]:
    """Return the mean and the largest of the errors ``(N,)`` of landmarks, in their unit.

    Examples
    --------
    >>> import torch
    >>> landmark_metrics(torch.tensor([1.0, 3.0]))
    {'landmark_error_mean': 2.0, 'landmark_error_max': 3.0}
    """
    return {"landmark_error_mean": float(errors.mean()), "landmark_error_max": float(errors.max())}


def check_same_landmarks(fixed: Points, moving: Points) -> None:
    """Refuse two sets of landmarks that cannot be the same ones.

    Parameters
    ----------
    fixed, moving
        The landmarks of both images, in their worlds.

    Raises
    ------
    InputError
        If the two sets differ in number, dimension or names.
    """
    if len(fixed) != len(moving):
        raise InputError(
            f"landmarks: {len(fixed)} in fixed and {len(moving)} in moving; "
            "give the same landmarks for both, in the same order"
        )
    if fixed.xyz.shape[1] != moving.xyz.shape[1]:
        raise InputError(
            f"landmarks: {fixed.xyz.shape[1]}-D in fixed, {moving.xyz.shape[1]}-D in moving; they "
            "must agree"
        )
    if fixed.names and moving.names and fixed.names != moving.names:
        odd = next(pair for pair in zip(fixed.names, moving.names, strict=True) if len({*pair}) > 1)
        raise InputError(
            f"landmarks: {odd[0]!r} in fixed stands where {odd[1]!r} stands in moving; "
            "put both lists in the same order"
        )
