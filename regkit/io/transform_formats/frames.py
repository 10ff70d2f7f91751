"""Fields whose vectors lie in coordinates that a program gives each image: FSL and AFNI.

Such a field sends ``x`` of fixed to ``x + d(x)`` where ``x`` is in the coordinates of fixed and the
result is in those of moving. In RAS+ mm that is a displacement, then an affine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from nibabel.nifti1 import Nifti1Header
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix
from regkit.io.formats.nifti.header import stored_dims
from regkit.io.formats.nifti.warps import Intent
from regkit.io.nifti_vectors import stored_vectors, vector_writers
from regkit.io.options import MAX_BYTES
from regkit.io.transform_format import ImagePair, Writers
from regkit.transforms import Affine, DisplacementField, Transform, compose

Frame = Callable[[Grid], Matrix]
"""For a grid, the matrix ``(4, 4)`` from a program's coordinates of it to RAS+ mm."""
# Rounding in headers; such a matrix moves nothing by a thousandth of a millimetre.
_SAME = 1e-7


def read_framed_field(
    path: Path,
    pair: ImagePair,
    *,
    frame: Frame,
    what: str,
    relative: Callable[[Tensor, Tensor, str], Tensor],
) -> Transform:
    """Read a field, fixed to moving, whose vectors lie in a program's own coordinates.

    Parameters
    ----------
    path
        The file, which lies on the grid of fixed or on one that is aligned with it.
    pair
        Both images; fixed may be missing where the field has its grid.
    frame
        The coordinates of the program.
    what
        What messages call the file.
    relative
        Given the stored vectors and the positions of their voxels, both ``(3, i, j, k)`` in those
        coordinates, and the name of the file: the displacements.

    Raises
    ------
    InputError
        If it is no such field, or moving is not given.
    """
    moving = pair.needed("moving", path, what)
    values, grid, _ = stored_vectors(path, _spatial, max_bytes=MAX_BYTES)
    own = frame(pair.needed("fixed", path, what) if pair.fixed else grid)
    d = relative(values, _positions(own, grid), path.name)
    u = _mapped(own[:3, :3], d.double()).float()
    ahead = np.asarray(frame(moving) @ np.linalg.inv(own))
    inner = DisplacementField(u, grid)
    still = np.allclose(ahead, np.eye(4), rtol=0, atol=_SAME)
    return inner if still else compose(Affine(ahead), inner)


def framed_field_writers(
    transform: Transform, path: Path, pair: ImagePair, *, frame: Frame, what: str, intent: Intent
) -> Writers:
    """Prepare to write a transform, fixed to moving, as displacements in a program's coordinates.

    Parameters
    ----------
    transform
        Fixed to moving.
    path, pair
        Where to, and both images; a field alone lies on its own grid.
    frame
        The coordinates of the program.
    what
        What messages call the file.
    intent
        What the header says; vectors of five dimensions under 1007, of four otherwise.

    Returns
    -------
    write, verify
        The first writes the field to a path, the second checks what lies there.
    """
    moving = pair.needed("moving", path, what)
    if pair.fixed is None and isinstance(transform, DisplacementField):
        grid = transform.grid
    else:
        grid = pair.needed("fixed", path, what)
    back = _inverse(frame(moving))
    data = np.empty((3, *grid.shape), np.float32)
    for rows in grid.slabs():
        points = grid.world_points(rows)
        there = _mapped(back, transform(points).movedim(-1, 0))
        here = _mapped(_inverse(frame(grid)), points.movedim(-1, 0))
        data[:, rows] = (there - here).numpy()
    stored = np.asfortranarray(np.moveaxis(data, 0, -1))
    five = stored.reshape(*grid.shape, 1, 3, order="F")
    return vector_writers(five if intent.code == 1007 else stored, grid, intent)


def _spatial(header: Nifti1Header, name: str) -> tuple[int, ...]:
    dims = stored_dims(header, name)
    if dims[3:] not in ((3,), (1, 3)):
        shape = "x".join(map(str, dims))
        raise InputError(
            f"{name}: is not a displacement field: it has dimensions {shape}; needed: XxYxZx3 or "
            "XxYxZx1x3"
        )
    return dims[:3]


def _positions(frame: Matrix, grid: Grid) -> Tensor:
    """Positions of the voxels of ``grid`` in the coordinates of a program, ``(3, i, j, k)``."""
    return _mapped(_inverse(frame), grid.world_points().movedim(-1, 0))


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _mapped(matrix: Matrix, points: Tensor) -> Tensor:
    """Points or vectors ``(3, ...)`` through a matrix of four or three rows."""
    whole = torch.from_numpy(np.array(matrix))
    out = torch.einsum("ab,b...->a...", whole[:3, :3], points)
    if len(matrix) == 4:
        out += whole[:3, 3].reshape(3, *[1] * (points.ndim - 1))
    return out
