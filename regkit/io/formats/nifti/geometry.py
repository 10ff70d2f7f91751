"""Which affine a NIfTI header means: sform, qform, or neither without being told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.spatialimages import HeaderDataError

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix, homogeneous
from regkit.io.header_checks import check_affine, check_shear
from regkit.io.options import AS_STORED, FORMS, ReadOptions
from regkit.io.units import millimetres

MAX_DISAGREEMENT = 0.1
# 1 scanner, 2 aligned, 3 Talairach, 4 MNI, 5 another template.
_LARGEST_CODE = 5
_UNITS = {1: "m", 2: "mm", 3: "um"}
# A turn of nearly 180 degrees is stored as a quaternion whose first component is the root of
# what float32 leaves of 1 - b^2 - c^2 - d^2: its angle is only known to about 1.2e-3 rad.
_QUATERNION_ANGLE = 1.2e-3
# By the unit of a world; NIfTI knows no other, and "unknown" for those.
NIFTI_UNITS = {"mm": "mm", "µm": "micron", "m": "meter"}


def nifti_grid(
    header: Nifti1Header, name: str, dims: Sequence[int], options: ReadOptions = AS_STORED
) -> Grid:
    """Find the grid of a NIfTI image, in RAS+ mm, from its sform or its qform.

    Parameters
    ----------
    header
        The header as it is stored; see :func:`regkit.io.formats.nifti.header.raw_header`.
    name
        The file, for messages.
    dims
        Number of voxels along each spatial axis, two or three of them.
    options
        Which of the two forms is meant where they disagree, and whether axes may be assumed or
        sheared.

    Raises
    ------
    InputError
        If the header has no orientation, two that disagree, or one that is unusable.
    """
    shape = (*dims, 1)[:3]
    affine = _chosen(header, name, shape, options)
    if len(dims) == 3:
        return Grid(tuple(dims), affine)
    _check_flat(affine, name)
    return Grid(tuple(dims), plane(affine))


def unit_of(header: Nifti1Header, name: str) -> float:
    """Return the millimetres of the header's unit of length; 1 where it does not say."""
    unit = _UNITS.get(int(header["xyzt_units"]) & 7, "")
    return millimetres(name, "xyzt_units", [unit])


def plane(affine: Matrix) -> Matrix:
    """Return the 2-D affine ``(3, 3)`` of an image whose header has a 3-D one, ``(4, 4)``."""
    return homogeneous(affine[:2, :2], affine[:2, 3])


def lift_affine(grid: Grid) -> Matrix:
    """Return the affine ``(4, 4)`` that a header has for ``grid``; the inverse of :func:`plane`."""
    if grid.ndim == 3:
        return grid.affine
    affine = np.eye(4)
    affine[:2, :2], affine[:2, 3] = grid.affine[:2, :2], grid.affine[:2, 2]
    return affine


def _chosen(header: Nifti1Header, name: str, shape: Sequence[int], options: ReadOptions) -> Matrix:
    codes = {form: _code(header, form) for form in FORMS}
    if options.geometry is not None:
        return _asked_for(header, name, codes, options)
    if not any(code > 0 for code in codes.values()):
        return _assumed(header, name, options.assume_ras)
    present = [form for form in FORMS if codes[form] > 0]
    affines = {form: _form(header, name, form, present, options) for form in present}
    if len(present) == 2:
        _check_agreement(header, name, Grid(tuple(shape), affines["sform"]), affines["qform"])
    return affines[present[0]]


def _code(header: Nifti1Header, form: str) -> int:
    """The code of a form, 0 (none) where the standard knows no such code."""
    code = int(header[f"{form}_code"])
    return code if 0 < code <= _LARGEST_CODE else 0


def _asked_for(
    header: Nifti1Header, name: str, codes: dict[str, int], options: ReadOptions
) -> Matrix:
    geometry = str(options.geometry)
    if codes[geometry] <= 0:
        raise InputError(f"{name}: has no {geometry} (its code is {codes[geometry]})")
    return _form(header, name, geometry, [geometry], options)


def _assumed(header: Nifti1Header, name: str, assume_ras: bool) -> Matrix:
    if not assume_ras:
        raise InputError(
            f"{name}: has no orientation (sform and qform codes are 0); pass assume_ras=True if "
            "its axes point to right, anterior and superior"
        )
    factor = unit_of(header, name)
    return np.diag([*(factor * float(s) for s in header["pixdim"][1:4]), 1.0])


def _form(
    header: Nifti1Header, name: str, form: str, present: list[str], options: ReadOptions
) -> Matrix:
    others = [f"pass geometry={other!r}" for other in present if other != form]
    hint = "".join(f", or {other}" for other in others)
    try:
        affine = np.array(getattr(_with_sign(header), f"get_{form}")(), dtype=np.float64)
    except (HeaderDataError, ValueError) as error:
        raise InputError(
            f"{name}: the {form} is not a rotation ({error}); fix the header{hint}"
        ) from error
    affine[:3] *= unit_of(header, name)
    check_affine(name, affine, what=f"affine ({form})", hint=hint)
    if not options.allow_shear:
        cure = f"pass allow_shear=True to have it resampled on a grid at right angles{hint}"
        check_shear(name, affine, what=f"affine ({form})", cure=cure)
    return affine


def _with_sign(header: Nifti1Header) -> Nifti1Header:
    """The header with 1 or -1 in pixdim[0], which nibabel insists on.

    By the standard only its sign counts, and 0, which many programs write, means 1.
    """
    out: Nifti1Header = header.copy()
    out["pixdim"][0] = -1 if header["pixdim"][0] < 0 else 1
    return out


def _check_agreement(header: Nifti1Header, name: str, grid: Grid, qform: Matrix) -> None:
    corners = grid.corners()
    other = Grid(grid.shape, qform).corners()
    apart = float(np.linalg.norm(corners - other, axis=1).max())
    extent = float(np.linalg.norm(corners - corners[0], axis=1).max())
    vector = [float(header[f"quatern_{letter}"]) for letter in "bcd"]
    half_turn = 1 - sum(value * value for value in vector) < 1e-6
    allowed = min(MAX_DISAGREEMENT, max(grid.spacing) / 2)
    if apart > allowed + half_turn * _QUATERNION_ANGLE * extent:
        raise InputError(
            f"{name}: sform and qform disagree by {apart:.1f} mm; choose with geometry='sform' "
            "or geometry='qform'"
        )


def _check_flat(affine: Matrix, name: str) -> None:
    if np.abs(affine[2, :2]).max() > 1e-3 * np.abs(affine[:2, :2]).max():
        raise InputError(
            f"{name}: is 2-D but its plane is tilted out of x and y; store it as 3-D with one slice"
        )
