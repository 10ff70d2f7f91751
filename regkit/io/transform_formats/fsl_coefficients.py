"""Coefficient files of FSL's FNIRT: cubic B-splines in FSL's coordinates of the fixed image.

The header is no place of voxels. ``pixdim`` is the spacing of the control points in voxels of
fixed, ``qoffset`` the size of fixed, ``intent_p`` its voxel size, and the sform the matrix of FLIRT
before the spline: ``x`` of fixed goes to ``matrix^-1 x + u(x)`` of moving. FSL reads the
coefficients as they are stored, and turns round the first axis of a fixed image that is stored
right-handed; so they run along FSL's axes, not along those of the file of fixed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from nibabel.nifti1 import Nifti1Header
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix, homogeneous
from regkit.io.fields import check_not_foreign_warp
from regkit.io.formats.nifti.header import stored_dims
from regkit.io.names import display_name
from regkit.io.nifti_vectors import intent_of, stored_components, vector_header
from regkit.io.options import MAX_BYTES
from regkit.io.transform_format import ImagePair, TransformFormat
from regkit.io.transform_formats.fsl import fsl_to_world
from regkit.io.transform_formats.text import usable_matrix
from regkit.transforms import Affine, Transform, compose
from regkit.transforms.bspline import fading_spline

_WHAT = "a coefficient file of FSL"
_CUBIC = 2007
_SAME = 1e-3  # mm between the voxel size of fixed and what the file says of it


def read_fnirt_coefficients(path: Path, pair: ImagePair) -> Transform:
    """Read coefficients of FNIRT, fixed (``--ref``) to moving (``--in``), with its matrix.

    Parameters
    ----------
    path
        The file, as ``fnirt --cout`` writes it.
    pair
        Both images.

    Raises
    ------
    InputError
        If it holds other coefficients, an image is not given, or fixed is not the image that the
        file was made for.
    """
    if not holds_fnirt_coefficients(path):
        check_not_foreign_warp(path)
        raise InputError(f"{display_name(path)}: does not say that it holds FNIRT coefficients")
    fixed, moving = pair.both(path, _WHAT)
    name, header = display_name(path), vector_header(path)
    knots = _knots(header, name, fixed)
    values = stored_components(path, header, stored_dims(header, name)[:3], max_bytes=MAX_BYTES)
    before = usable_matrix(np.vstack(_rows(header)), name, "its sform, a matrix of FLIRT,")
    return _in_world(values, knots, Affine(before).inverse().matrix, fixed, moving)


def _in_world(u: Tensor, knots: Matrix, back: Matrix, fixed: Grid, moving: Grid) -> Transform:
    """A spline of displacements of fixed, then an affine to moving, in RAS+ mm."""
    here, there = fsl_to_world(fixed), fsl_to_world(moving)
    linear = here[:3, :3] @ np.linalg.inv(back[:3, :3])
    coefficients = torch.einsum("ab,bijk->aijk", torch.from_numpy(linear), u.double())
    step = knots * fixed.spacing
    place = here @ homogeneous(np.diag(step), -step)
    spline = fading_spline(coefficients, Grid(tuple(u.shape[1:]), place))
    return compose(Affine(there @ back @ np.linalg.inv(here)), spline)


def _rows(header: Nifti1Header) -> list[Matrix]:
    """The sform ``(4, 4)`` as it is stored, row by row."""
    rows = [np.asarray(header[f"srow_{axis}"], dtype=np.float64) for axis in "xyz"]
    return [*rows, np.array([0.0, 0, 0, 1])]


def _knots(header: Nifti1Header, name: str, fixed: Grid) -> Matrix:
    """Voxels of fixed from one control point to the next ``(3,)``, checked against the images."""
    dims, pixdim = stored_dims(header, name), np.asarray(header["pixdim"][1:4], dtype=np.float64)
    if not (np.isfinite(pixdim) & (pixdim >= 1) & (pixdim == pixdim.round())).all():
        raise InputError(f"{name}: has control points every {pixdim} voxels; it is damaged")
    _check_fixed(header, name, fixed)
    needed = tuple(int(-(-(n + 1) // k)) + 2 for n, k in zip(fixed.shape, pixdim, strict=True))
    if dims[3:] != (3,) or dims[:3] != needed:
        raise InputError(
            f"{name}: has {'x'.join(map(str, dims))} coefficients; {'x'.join(map(str, needed))}x3 "
            "are needed for its image; it is damaged"
        )
    return pixdim


def _check_fixed(header: Nifti1Header, name: str, fixed: Grid) -> None:
    sizes = [float(header[f"qoffset_{axis}"]) for axis in "xyz"]
    spacing = [float(header[f"intent_p{n}"]) for n in (1, 2, 3)]
    if sizes == [*map(float, fixed.shape)] and np.allclose(spacing, fixed.spacing, atol=_SAME):
        return
    shown = "x".join(f"{n:.6g}" for n in sizes), "x".join(f"{n:.6g}" for n in spacing)
    raise InputError(
        f"{name}: is for a fixed image of {shown[0]} voxels of {shown[1]} mm, and the fixed image "
        f"given is {fixed.summary}; give the image that was --ref of fnirt"
    )


def holds_fnirt_coefficients(path: Path) -> bool:
    """Tell whether a NIfTI file says that it holds cubic coefficients of FNIRT."""
    return intent_of(path).code == _CUBIC


FSL_COEFFICIENTS = TransformFormat(
    "fsl", "FNIRT coefficients", (".nii", ".nii.gz"), read_fnirt_coefficients,
    recognises=holds_fnirt_coefficients,
)  # fmt: skip
