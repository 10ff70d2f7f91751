"""Control points of NiftyReg: where they are sent, in RAS+ mm, for a cubic or linear spline.

A spline of positions is a spline of displacements, since it repeats the control points themselves.
"""

from __future__ import annotations

from pathlib import Path

from nibabel.nifti1 import Nifti1Header

from regkit.errors import InputError
from regkit.io.fields import check_not_foreign_warp, stored_vectors, vector_header
from regkit.io.formats.nifti.header import stored_dims
from regkit.io.formats.nifti.warps import (
    CUBIC,
    LINEAR,
    NIFTYREG_POSITIONS,
    intent_name,
    niftyreg_kind,
)
from regkit.io.names import display_name
from regkit.io.options import MAX_BYTES
from regkit.io.transform_format import ImagePair, TransformFormat
from regkit.transforms import DisplacementField, Transform
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
    values, grid, header = stored_vectors(path, _spatial, max_bytes=MAX_BYTES)
    u = values.double() - grid.world_points().movedim(-1, 0)
    if niftyreg_kind(header) == LINEAR:
        return DisplacementField(u.float(), grid)
    if min(grid.shape) < 4:
        shape = "x".join(map(str, grid.shape))
        raise InputError(
            f"{display_name(path)}: has {shape} control points; a cubic spline needs 4 along each "
            "axis. The file is damaged"
        )
    return CubicBSpline(u, grid)


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
