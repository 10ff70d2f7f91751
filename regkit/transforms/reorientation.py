"""Turn what has a direction along with the space that it lies in: vectors and tensors.

A transform takes points of fixed to points of moving, and values come the other way: with ``J`` its
derivative, a small step ``v`` of moving is the step ``J^-1 v`` of fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Turning = Literal["principal", "rotation", "jacobian"]


def reorient_vectors(vectors: Tensor, derivative: Tensor, turning: Turning) -> Tensor:
    """Turn vectors of moving into those of fixed.

    Parameters
    ----------
    vectors
        ``(..., d)`` in world units, at the points of moving to which the transform leads.
    derivative
        ``(..., d, d)``, as :func:`regkit.transforms.derivative.derivative` gives it.
    turning
        ``jacobian`` stretches them along with the space, as displacements want it; any other turns
        them and keeps their length.

    Examples
    --------
    >>> stretch = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> reorient_vectors(torch.tensor([2.0, 1.0]), stretch, "jacobian").tolist()
    [1.0, 1.0]
    >>> reorient_vectors(torch.tensor([2.0, 1.0]), stretch, "rotation").tolist()
    [2.0, 1.0]
    """
    if turning == "jacobian":
        return (_inverse(derivative) @ vectors[..., None])[..., 0]
    return (_rotation(derivative) @ vectors[..., None])[..., 0]


def reorient_tensors(tensors: Tensor, derivative: Tensor, turning: Turning) -> Tensor:
    """Turn symmetric tensors of moving into those of fixed; their eigenvalues stay.

    Parameters
    ----------
    tensors
        ``(..., 3, 3)``, at the points of moving to which the transform leads.
    derivative
        As for :func:`reorient_vectors`.
    turning
        ``rotation``: finite strain, the rotation that is nearest to the derivative. ``principal``:
        preservation of the principal direction, which follows the space even where it is sheared.

    Returns
    -------
    Tensor
        ``(..., 3, 3)``.

    Notes
    -----
    Alexander et al., IEEE Trans. Med. Imaging 2001, 20(11), sections II.C and II.D.

    Examples
    --------
    >>> quarter = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    >>> along_x = torch.diag(torch.tensor([3.0, 1.0, 1.0]))
    >>> reorient_tensors(along_x, quarter, "rotation").diagonal().tolist()
    [1.0, 3.0, 1.0]
    """
    if turning == "principal":
        return _along_principal(tensors, derivative)
    turn = _rotation(derivative)
    return turn @ tensors @ turn.mT


TURNINGS: dict[str, tuple[Callable[[Tensor, Tensor, Turning], Tensor], tuple[Turning, ...]]] = {
    "tensors": (reorient_tensors, ("principal", "rotation")),
    "vectors": (reorient_vectors, ("rotation", "jacobian")),
}
"""What turns each kind of value, and the ways that it knows, the usual one first."""


def _rotation(derivative: Tensor) -> Tensor:
    """The rotation ``(..., d, d)`` from moving to fixed that is nearest to the inverse."""
    u, _, vh = torch.linalg.svd(derivative)
    out: Tensor = (u @ vh).mT
    return out


def _inverse(derivative: Tensor) -> Tensor:
    """The inverse; 0 where there is none, since the transform flattens the space there."""
    out: Tensor = torch.linalg.inv_ex(derivative).inverse.nan_to_num(0.0, 0.0, 0.0)
    return out


def _along_principal(tensors: Tensor, derivative: Tensor) -> Tensor:
    sizes, axes = torch.linalg.eigh(tensors)  # the smallest first
    moved = _inverse(derivative) @ axes
    first = torch.nn.functional.normalize(moved[..., 2], dim=-1)
    second = moved[..., 1] - (moved[..., 1] * first).sum(-1, keepdim=True) * first
    second = torch.nn.functional.normalize(second, dim=-1)
    third = torch.linalg.cross(first, second)
    frame = torch.stack([third, second, first], -1)
    return frame @ torch.diag_embed(sizes) @ frame.mT
