"""Control points of NiftyReg: where they are sent, in RAS+ mm, for a cubic or linear spline.

A spline of positions is a spline of displacements, since it repeats the control points themselves.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from nibabel.nifti1 import Nifti1Header
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.affines import homogeneous
from regkit.io.fields import check_not_foreign_warp
from regkit.io.formats.nifti.header import stored_dims
from regkit.io.formats.nifti.warps import (
    CUBIC,
    LINEAR,
    NIFTYREG_POSITIONS,
    intent_name,
    niftyreg_kind,
)
from regkit.io.names import display_name
from regkit.io.nifti_vectors import stored_vectors, vector_header
from regkit.io.options import MAX_BYTES
from regkit.io.transform_format import ImagePair, TransformFormat
from regkit.io.transform_formats.text import usable_matrix
from regkit.transforms import Affine, DisplacementField, Transform, compose
from regkit.transforms.bspline import CubicBSpline


def read_control_points(path: Path, pair: ImagePair) -> Transform:
    """Read control points of reg_f3d, fixed (``-ref``) to moving (``-flo``).

    Parameters
    ----------
    path
        The file.
    pair
        Not needed: such a file depends on no image.

    Raises
    ------
    InputError
        If it holds another kind of transform, is flat, or is damaged.
    """
    if not holds_control_points(path):
        check_not_foreign_warp(path)
        raise InputError(f"{display_name(path)}: does not say that it holds control points")
    if niftyreg_kind(vector_header(path)) == LINEAR:
        u, grid = _displacements(path)
        return DisplacementField(u.float(), grid)
    return positions_spline(path)


def positions_spline(path: Path) -> Transform:
    """Read a cubic spline, fixed to moving, from the positions of its control points.

    It is a spline of what is left of the positions beside the affine nearest to them, then that
    affine: NiftyReg keeps both in one. So it can be inverted, and beyond its control points goes on
    as the affine. A further control point in a straight line on every side keeps the voxels on the
    very rim, which ITK would not know for the rounding of their place.

    Raises
    ------
    InputError
        If there are not enough control points, or the file is damaged.
    """
    u, grid = _displacements(path)
    if min(grid.shape) < 4:
        shape = "x".join(map(str, grid.shape))
        raise InputError(
            f"{display_name(path)}: has {shape} control points; a cubic spline needs 4 along each "
            "axis. The file is damaged"
        )
    points = grid.world_points()
    affine = _nearest_affine(points, points + u.movedim(0, -1), display_name(path))
    w = (affine.inverse()(points + u.movedim(0, -1)) - points).movedim(-1, 0)
    for axis in (1, 2, 3):
        a, b, *_, y, z = w.unbind(axis)
        w = torch.stack([2 * a - b, *w.unbind(axis), 2 * z - y], axis)
    place = grid.affine @ homogeneous(np.eye(3), [-1.0, -1, -1])
    return compose(affine, CubicBSpline(w, grid.placed(w.shape[1:], place)))


def _nearest_affine(points: Tensor, there: Tensor, name: str) -> Affine:
    """The affine that takes points ``(i, j, k, 3)`` to others with the least squares left."""
    known = torch.cat([points, torch.ones_like(points[..., :1])], -1).flatten(0, 2)
    rows = torch.linalg.lstsq(known, there.flatten(0, 2)).solution.T.numpy()
    return Affine(usable_matrix(np.vstack([rows, [0, 0, 0, 1]]), name, "what its points fit to"))


def _displacements(path: Path) -> tuple[Tensor, Grid]:
    """Those of the control points ``(3, i, j, k)``, and where the points lie."""
    values, grid, _ = stored_vectors(path, _spatial, max_bytes=MAX_BYTES)
    return values.double() - grid.world_points().movedim(-1, 0), grid


def holds_control_points(path: Path) -> bool:
    """Tell whether a NIfTI file says that it holds control points of NiftyReg."""
    header = vector_header(path)
    return intent_name(header) == NIFTYREG_POSITIONS.name and niftyreg_kind(header) in (
        CUBIC,
        LINEAR,
    )


def _spatial(header: Nifti1Header, name: str) -> tuple[int, ...]:
    dims = stored_dims(header, name)
    if dims[3:] != (1, 3):
        shape = "x".join(map(str, dims))
        raise InputError(f"{name}: has control points of dimensions {shape}; needed: XxYxZx1x3")
    return dims[:3]


NIFTYREG_SPLINE = TransformFormat(
    "niftyreg", "NiftyReg control points", (".nii", ".nii.gz"), read_control_points,
    recognises=holds_control_points,
)  # fmt: skip
