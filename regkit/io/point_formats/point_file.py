"""PointFile: the points of a file, and the same file with others in their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regkit.errors import InputError
from regkit.io.lps import vector_signs
from regkit.io.names import display_name
from regkit.transforms import Transform
from regkit.volume.points import Points

Space = Literal["ras", "lps"]
PointArray = NDArray[np.float64]
_STEP = 0.05  # mm, along a surface, by which its normal is found again


@dataclass(frozen=True, eq=False)
class PointFile:
    """What a file of points holds.

    Parameters
    ----------
    points
        In RAS+ mm.
    rewritten
        PointArray ``(N, d)`` and normals ``(N, d)``, both in RAS+ mm, to the bytes of the same
        file with these; the normals are empty where the file has none.
    normals
        ``(N, d)`` unit vectors in RAS+, where the file has some.
    """

    points: Points
    rewritten: Callable[[PointArray, PointArray], bytes]
    normals: PointArray | None = None

    def mapped(self, phi: Transform) -> bytes:
        """The same file with its points through ``phi``, world points to world points.

        Normals stay at right angles to the surface.

        Raises
        ------
        InputError
            If the dimensions differ.
        """
        xyz = self.points.xyz
        if xyz.shape[1] != phi.ndim:
            raise InputError(
                f"points are {xyz.shape[1]}-D and the transform {phi.ndim}-D; give points of the "
                "transform's dimension"
            )
        moved = phi(xyz)
        turned = np.zeros((0, 3))
        if self.normals is not None:
            turned = _turned(phi, xyz, moved, torch.from_numpy(self.normals)).numpy()
        return self.rewritten(moved.numpy(), turned)


def _turned(phi: Transform, xyz: Tensor, moved: Tensor, normals: Tensor) -> Tensor:
    """Normals of the surface after ``phi``, by two steps along it, the outside kept outside."""
    least = torch.nn.functional.one_hot(normals.abs().argmin(-1), 3).to(normals)
    first = torch.nn.functional.normalize(torch.linalg.cross(normals, least), dim=-1)
    second = torch.linalg.cross(normals, first)
    along = [phi(xyz + _STEP * each) - moved for each in (first, second)]
    found = torch.linalg.cross(*along)
    outward = phi(xyz + _STEP * normals) - moved
    sign = torch.where((found * outward).sum(-1, keepdim=True) < 0, -1.0, 1.0)
    return torch.nn.functional.normalize(sign * found, dim=-1)


def into_ras(values: PointArray, space: Space) -> PointArray:
    """Turn coordinates or vectors ``(N, 3)`` of a space into RAS+, or back."""
    return values if space == "ras" else values * np.array(vector_signs(values.shape[1]))


def space_of(name: str, said: str, given: Space | None) -> Space:
    """Settle in which space the coordinates of a file are.

    Parameters
    ----------
    name
        Of the file.
    said
        What the file says, ``RAS`` or ``LPS`` in any case; empty where it says nothing.
    given
        What a user says.

    Raises
    ------
    InputError
        If nobody says it, both say something else, or it is another space.
    """
    word = said.strip().lower()
    if word not in ("", "ras", "lps"):
        raise InputError(f"{name}: its coordinates are {said!r:.40}; allowed: RAS, LPS")
    if word and given and word != given:
        raise InputError(f"{name}: says that it is in {word.upper()}; leave out --space {given}")
    if not word and not given:
        raise InputError(
            f"{name}: does not say whether its coordinates are RAS or LPS; pass --space ras or "
            "--space lps"
        )
    return "lps" if (word or given) == "lps" else "ras"


def read_bytes(path: Path, most: int) -> bytes:
    """Read a whole file that is not larger than ``most`` bytes.

    Raises
    ------
    InputError
        If it is larger, or may not be read.
    """
    name = display_name(path)
    if path.stat().st_size > most:
        raise InputError(f"{name}: is larger than {most} bytes; this is no file of points")
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise InputError(f"{name}: no permission to read it; change its mode or owner") from error
