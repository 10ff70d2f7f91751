"""Points: named positions in the world."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regkit.errors import InputError


@dataclass(frozen=True, eq=False)
class Points:
    """Landmarks in world coordinates.

    Parameters
    ----------
    xyz
        ``(N, d)``, RAS+ millimetres; kept as float64.
    names
        One name a point, or empty.

    Raises
    ------
    InputError
        If the shape is wrong, a value is not finite, or the names do not match in number.

    Examples
    --------
    >>> len(Points(torch.zeros(3, 3)))
    3
    """

    xyz: Tensor
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        xyz = torch.as_tensor(self.xyz, dtype=torch.float64)
        if xyz.ndim != 2 or xyz.shape[1] not in (2, 3):
            raise InputError(f"points have shape {tuple(xyz.shape)}; allowed: (N, 2) or (N, 3)")
        if not bool(torch.isfinite(xyz).all()):
            raise InputError("points hold values that are not finite")
        if self.names and len(self.names) != len(xyz):
            raise InputError(f"{len(self.names)} names for {len(xyz)} points")
        object.__setattr__(self, "xyz", xyz)

    def __len__(self) -> int:
        return len(self.xyz)
