"""Transforms of SimpleITK as transforms of regkit, and affines back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from regkit.errors import InputError
from regkit.geometry.affines import Matrix, homogeneous
from regkit.io.fields import flip_components
from regkit.io.itk import grid_from, simpleitk
from regkit.io.itk_bspline import bspline_from_itk
from regkit.io.lps import ItkGeometry, flip_xy
from regkit.io.nifti_vectors import check_vectors
from regkit.transforms import Affine, DisplacementField, Transform, compose
from regkit.transforms.bspline import CubicBSpline

# A kilometre in millimetres, a thousand times over: what lies beyond is damage.
_MAX_MATRIX = 1e9


def transform_to_sitk(transform: Affine) -> Any:
    """Make a transform of SimpleITK from an affine, fixed to moving: the same map in LPS."""
    matrix = flip_xy(transform.matrix)
    out = simpleitk().AffineTransform(transform.ndim)
    out.SetMatrix(matrix[:-1, :-1].ravel().tolist())
    out.SetTranslation(matrix[:-1, -1].tolist())
    return out


def transform_from_sitk(itk: Any, name: str, *, nested: bool = False) -> Transform:
    """Turn a transform of SimpleITK, fixed to moving, into the same map of the RAS+ world.

    Composites are flattened, and neighbouring affines multiplied out.

    Parameters
    ----------
    itk
        A transform of SimpleITK.
    name
        The file that it came from, for messages.
    nested
        Whether it is a part of a composite that has been flattened.

    Raises
    ------
    InputError
        If it is neither linear, nor a B-spline, nor a displacement field, nor a composite of such;
        or if it is singular or not finite.
    """
    itk, kinds = itk.Downcast(), simpleitk()
    composite = isinstance(itk, kinds.CompositeTransform)
    if composite and not itk.GetNumberOfTransforms():
        return Affine.identity(itk.GetDimension())
    # SimpleITK shows a linear transform that it has no class for (ANTs' MatrixOffsetTransformBase)
    # as a composite of itself, without end; whatever is linear is therefore never taken apart.
    if itk.IsLinear():
        return _affine(itk, name)
    if isinstance(itk, kinds.DisplacementFieldTransform):
        return _field(itk, name)
    if isinstance(itk, kinds.BSplineTransform):
        return _bspline(itk, name)
    if composite and not nested:
        return _parts(itk, name)
    raise InputError(
        f"{name}: holds a {itk.GetName()}, which is not supported; allowed: affine kinds, "
        "B-splines, displacement fields and composites of them"
    )


def _parts(itk: Any, name: str) -> Transform:
    itk.FlattenTransform()
    numbers = range(itk.GetNumberOfTransforms())
    return compose(
        *(transform_from_sitk(itk.GetNthTransform(n), name, nested=True) for n in numbers)
    )


def _affine(itk: Any, name: str) -> Affine:
    matrix = _matrix(itk)
    if not np.abs(matrix).max() < _MAX_MATRIX:
        raise InputError(f"{name}: its matrix has values that are not finite or beyond 1e9")
    try:
        return Affine(flip_xy(matrix))
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _matrix(itk: Any) -> Matrix:
    """Matrix of any linear transform, centre and all, from where it sends the unit vectors."""
    ndim = itk.GetDimension()
    origin = np.array(itk.TransformPoint([0.0] * ndim))
    columns = [np.array(itk.TransformPoint(axis)) - origin for axis in np.eye(ndim).tolist()]
    return homogeneous(np.stack(columns, axis=1), origin)


def _bspline(itk: Any, name: str) -> CubicBSpline:
    if itk.GetOrder() != 3:
        raise InputError(f"{name}: holds a B-spline of order {itk.GetOrder()}; allowed: 3")
    ndim, fixed = itk.GetDimension(), itk.GetFixedParameters()
    shape = [int(size) for size in fixed[:ndim]]
    parts = (fixed[2 * ndim : 3 * ndim], fixed[ndim : 2 * ndim], fixed[3 * ndim :])
    where = ItkGeometry(*(tuple(part) for part in parts))
    return bspline_from_itk(np.array(itk.GetParameters()), shape, where, name)


def _field(itk: Any, name: str) -> DisplacementField:
    image = itk.GetDisplacementField()
    view = simpleitk().GetArrayViewFromImage(image)
    with np.errstate(over="ignore"):  # becomes infinite, which is refused below
        narrow = torch.from_numpy(view.astype(np.float32))
    u = narrow.permute(*reversed(range(narrow.ndim))).contiguous()
    try:
        return DisplacementField(check_vectors(name, flip_components(u)), grid_from(image))
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(name) else f"{name}: {text}") from error
