"""DICOM Spatial Registration and Deformable Spatial Registration, read as fixed to moving.

Fixed is the frame of reference of the object. Matrices lead there from moving, vectors from there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix, apply_affine, as_affine, homogeneous
from regkit.io.formats.dicom.files import dicom_errors, open_dicom
from regkit.io.formats.dicom.tags import FrameTags
from regkit.io.header_checks import check_affine, check_dims
from regkit.io.lps import flip_xy, lps, vector_signs
from regkit.io.names import display_name
from regkit.io.sizes import product
from regkit.io.transform_format import ImagePair, TransformFormat
from regkit.transforms import Affine, DisplacementField, Transform, compose

_SAME = 1e-9


def read_registration(path: Path, pair: ImagePair) -> Transform:
    """Read the one transform of a registration object.

    Parameters
    ----------
    path
        The file.
    pair
        Not needed: frames of reference are in millimetres.

    Raises
    ------
    InputError
        If it is no registration, brings several series to fixed, or is damaged.
    """
    name, file = display_name(path), open_dicom(path)
    with dicom_errors(name):
        if items := file.data.get("RegistrationSequence"):
            return _spatial(name, items)
        if items := file.data.get("DeformableRegistrationSequence"):
            return _deformable(name, items)
    raise InputError(f"{name}: is no DICOM registration; give a REG object")


def _spatial(name: str, items: Any) -> Transform:
    matrices = [_matrix(name, each.get("MatrixRegistrationSequence")) for each in items]
    moved = [each for each in matrices if np.abs(each - np.eye(4)).max() > _SAME]
    if len(moved) > 1:
        raise InputError(
            f"{name}: brings {len(moved)} series to another place; one that leaves the fixed image "
            "where it is can be read"
        )
    matrix = moved[0] if moved else np.eye(4)
    return Affine(flip_xy(matrix)).inverse()


def _matrix(name: str, registration: Any) -> Matrix:
    """The matrices of an item in one, LPS mm; the first is applied first (PS3.3 C.20.2.1.1)."""
    out = np.eye(4)
    for step in registration[0].get("MatrixSequence") or registration if registration else ():
        values = FrameTags(name, (step,)).numbers("FrameOfReferenceTransformationMatrix", 16)
        if values is None:
            raise InputError(f"{name}: has no FrameOfReferenceTransformationMatrix; it is damaged")
        out = as_affine(np.reshape(values, (4, 4)), what=f"{name}: its matrix") @ out
    return out


def _deformable(name: str, items: Any) -> Transform:
    """The matrix before the vectors is linear, and so becomes a part of them without loss."""
    found = [each for each in items if each.get("DeformableRegistrationGridSequence")]
    if len(found) != 1:
        raise InputError(f"{name}: bends {len(found)} series; one can be read")
    (only,) = found
    before = _matrix(name, only.get("PreDeformationMatrixRegistrationSequence"))
    after = _matrix(name, only.get("PostDeformationMatrixRegistrationSequence"))
    tags = FrameTags(name, (only.DeformableRegistrationGridSequence[0],))
    grid = _grid(name, tags)
    vectors = _vectors(name, tags, grid.shape)
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    points = apply_affine(lps(3) @ grid.affine, index)
    u = (apply_affine(before, points) + vectors - points) * np.array(vector_signs(3))
    field = DisplacementField(torch.from_numpy(np.moveaxis(u, -1, 0).astype(np.float32)), grid)
    return field if np.array_equal(after, np.eye(4)) else compose(Affine(flip_xy(after)), field)


def _grid(name: str, tags: FrameTags) -> Grid:
    shape = tags.numbers("GridDimensions", 3)
    spacing = tags.numbers("GridResolution", 3)
    along, position = (
        tags.numbers("ImageOrientationPatient", 6),
        tags.numbers("ImagePositionPatient", 3),
    )
    if shape is None or spacing is None or along is None or position is None:
        raise InputError(f"{name}: does not say where its vectors lie; it is damaged")
    dims = tuple(map(int, shape))
    check_dims(name, dims)
    rows = np.reshape(along, (2, 3))
    axes = np.array([*rows, np.cross(*rows)]).T * np.array(spacing)
    affine = lps(3) @ homogeneous(axes, position)
    check_affine(name, affine)
    return Grid(dims, affine)


def _vectors(name: str, tags: FrameTags, dims: tuple[int, ...]) -> Matrix:
    """Vectors ``(*dims, 3)``, LPS mm."""
    raw = tags.find("VectorGridData")
    if not isinstance(raw, bytes) or len(raw) != 12 * product(dims):
        raise InputError(
            f"{name}: holds {len(raw or b'')} bytes of vectors and a grid of "
            f"{'x'.join(map(str, dims))}; the file is cut"
        )
    vectors = np.frombuffer(raw, "<f4").reshape(*dims[::-1], 3).transpose(2, 1, 0, 3)
    if not np.isfinite(vectors).all():
        raise InputError(f"{name}: is undefined at some of its vectors (NaN); it is not read")
    return vectors.astype(np.float64)


DICOM_REGISTRATION = TransformFormat("dicom", "DICOM registration", (".dcm",), read_registration)
