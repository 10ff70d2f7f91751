"""Velocity grids of NiftyReg (reg_f3d -vel), integrated on the fixed image as NiftyReg does it.

The grid is a cubic spline of positions between two halves of an affine, which lie in extensions of
the header. With A the first half and B the second, ``v(x) = spline(A x) - A x`` is integrated to a
displacement ``d`` by scaling and squaring on the voxels of fixed; the transform is ``B (A x + d)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from nibabel.nifti1 import Nifti1Header

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.io.fields import check_not_foreign_warp
from regkit.io.formats.nifti.warps import NIFTYREG_POSITIONS, VELOCITY, intent_name, niftyreg_kind
from regkit.io.names import display_name
from regkit.io.nifti_vectors import vector_header
from regkit.io.streams import inside_gzip, open_stream
from regkit.io.transform_format import ImagePair, TransformFormat
from regkit.io.transform_formats.niftyreg import positions_spline
from regkit.io.transform_formats.text import usable_matrix
from regkit.transforms import Affine, DisplacementField, Transform, compose
from regkit.transforms.taps import within

_WHAT = "a velocity grid of NiftyReg"
_MOST_STEPS = 16
_MATRIX = 64  # bytes of a 4x4 matrix in float32
_MOST_EXTENSIONS = 1 << 16


def read_velocity_grid(path: Path, pair: ImagePair) -> Transform:
    """Read a velocity grid, fixed (``-ref``) to moving (``-flo``).

    Parameters
    ----------
    path
        The file, as ``reg_f3d -vel -cpp`` writes it.
    pair
        The fixed image, on whose voxels it is integrated; moving is not needed.

    Raises
    ------
    InputError
        If it is none, or damaged, or fixed is not given.
    """
    name = display_name(path)
    if not holds_velocity_grid(path):
        check_not_foreign_warp(path)
        raise InputError(f"{name}: does not say that it holds a velocity grid of NiftyReg")
    grid, header = pair.needed("fixed", path, _WHAT), vector_header(path)
    spline, steps = positions_spline(path), _steps(header, name)
    first, second = _halves(path, header, name)
    u = torch.empty((3, *grid.shape))
    for rows in grid.slabs():
        middle = first(grid.world_points(rows))
        u[:, rows] = ((spline(middle) - middle) / 2**steps).movedim(-1, 0).float()
    d = DisplacementField(u, grid)
    for _ in range(steps):
        d = _twice(d)
    return compose(second, _after(first, d))


def _twice(d: DisplacementField) -> DisplacementField:
    """The field after itself; a point beyond the grid moves as the nearest one on its rim."""
    out = torch.empty_like(d.u)
    for rows in d.grid.slabs():
        x = d.grid.world_points(rows)
        there = x + d.u[:, rows].movedim(0, -1).double()
        rim = d.grid.to_world(within(d.grid.to_index(there), 0, d.grid.shape)[1])
        out[:, rows] = (there - x + d(rim) - rim).movedim(-1, 0).float()
    return DisplacementField(out, d.grid)


def _after(affine: Affine, d: DisplacementField) -> DisplacementField:
    """``A x + d(x)`` as a displacement."""
    out = torch.empty_like(d.u)
    for rows in d.grid.slabs():
        x = d.grid.world_points(rows)
        out[:, rows] = (affine(x) - x).movedim(-1, 0).float() + d.u[:, rows]
    return DisplacementField(out, d.grid)


def _steps(header: Nifti1Header, name: str) -> int:
    steps = abs(float(header["intent_p2"]))
    if not (steps.is_integer() and steps <= _MOST_STEPS):
        raise InputError(
            f"{name}: is to be squared {steps:g} times (intent_p2); allowed: whole numbers to "
            f"{_MOST_STEPS}"
        )
    return int(steps)


def _halves(path: Path, header: Nifti1Header, name: str) -> tuple[Affine, Affine]:
    """The affine before the spline and the one after it."""
    found = [Affine(usable_matrix(each, name, "an affine of its header"))
             for each in _matrices(path, header, name)]  # fmt: skip
    still = Affine(np.eye(4))
    first, second, *_ = [*found, still, still]
    return first, second


def _matrices(path: Path, header: Nifti1Header, name: str) -> Iterator[Matrix]:
    """The extensions of a header, each of which begins with a matrix."""
    order = "<" if header.endianness == "<" else ">"
    start, end = int(header["sizeof_hdr"]), int(header["vox_offset"])
    with open_stream(path, name, compressed=inside_gzip(path)) as file:
        block = file.read(min(end, start + _MOST_EXTENSIONS))[start:]
    at = 4 if block[:1] != b"\0" else len(block)
    while at + 8 <= len(block):
        size = int(np.frombuffer(block, f"{order}i4", 1, at)[0])
        content = block[at + 8 : at + size]
        if size < 8 + _MATRIX or len(content) < _MATRIX:
            raise InputError(f"{name}: an extension of its header is cut; it is damaged")
        yield np.frombuffer(content, f"{order}f4", 16).reshape(4, 4).astype(np.float64)
        at += size


def holds_velocity_grid(path: Path) -> bool:
    """Tell whether a NIfTI file says that it is a velocity grid of NiftyReg."""
    header = vector_header(path)
    named = intent_name(header) == NIFTYREG_POSITIONS.name
    return named and niftyreg_kind(header) == VELOCITY


NIFTYREG_VELOCITY = TransformFormat(
    "niftyreg", "NiftyReg velocity grid", (".nii", ".nii.gz"), read_velocity_grid,
    recognises=holds_velocity_grid,
)  # fmt: skip
