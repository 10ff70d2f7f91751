"""Transforms of regkit as transforms of SimpleITK, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from regkit.errors import InputError
from regkit.geometry.affines import Matrix, homogeneous
from regkit.io.fields import check_vectors, flip_components, lps_components
from regkit.io.itk import grid_from, image_from, simpleitk
from regkit.io.lps import flipped
from regkit.transforms import Affine, Chain, DisplacementField, Transform, VelocityField, compose

# A kilometre in millimetres, a thousand times over: what lies beyond is damage.
_MAX_MATRIX = 1e9


def to_sitk(transform: Transform) -> Any:
    """The same map of the LPS world.

    A chain becomes a composite, outermost first: both ``Chain((a, b))`` and
    ``CompositeTransform([a, b])`` map ``x`` to ``a(b(x))``.

    Raises
    ------
    InputError
        If a part is of a type that ITK has no name for.
    """
    sitk = simpleitk()
    if isinstance(transform, Chain):
        composite = sitk.CompositeTransform([to_sitk(link) for link in transform.links])
        composite.FlattenTransform()
        return composite
    if isinstance(transform, Affine):
        return _affine_to_sitk(transform)
    if isinstance(transform, VelocityField):
        return to_sitk(transform.displacement)
    if isinstance(transform, DisplacementField):
        return sitk.DisplacementFieldTransform(_field_image(transform))
    raise InputError(f"a {type(transform).__name__} cannot be written; sample it as a field first")


def from_sitk(itk: Any, name: str, *, nested: bool = False) -> Transform:
    """The same map of the RAS+ world; composites are flattened, affines multiplied out.

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
        If it is neither linear, nor a displacement field, nor a composite of such; or if it is
        singular or not finite.
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
    if composite and not nested:
        return _parts(itk, name)
    raise InputError(
        f"{name}: holds a {itk.GetName()}, which is not supported; allowed: affine kinds, "
        "displacement fields and composites of them"
    )


def _parts(itk: Any, name: str) -> Transform:
    itk.FlattenTransform()
    numbers = range(itk.GetNumberOfTransforms())
    return compose(*(from_sitk(itk.GetNthTransform(n), name, nested=True) for n in numbers))


def _affine_to_sitk(transform: Affine) -> Any:
    matrix = flipped(transform.matrix)
    out = simpleitk().AffineTransform(transform.ndim)
    out.SetMatrix(matrix[:-1, :-1].ravel().tolist())
    out.SetTranslation(matrix[:-1, -1].tolist())
    return out


def _affine(itk: Any, name: str) -> Affine:
    matrix = _matrix(itk)
    if not np.abs(matrix).max() < _MAX_MATRIX:
        raise InputError(f"{name}: its matrix has values that are not finite or beyond 1e9")
    try:
        return Affine(flipped(matrix))
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _matrix(itk: Any) -> Matrix:
    """Matrix of any linear transform, centre and all, from where it sends the unit vectors."""
    ndim = itk.GetDimension()
    origin = np.array(itk.TransformPoint([0.0] * ndim))
    columns = [np.array(itk.TransformPoint(axis)) - origin for axis in np.eye(ndim).tolist()]
    return homogeneous(np.stack(columns, axis=1), origin)


def _field_image(field: DisplacementField) -> Any:
    backwards = (*range(field.ndim, 0, -1), 0)
    # ITK keeps the vectors of a displacement field in float64 whatever they come in.
    vectors = lps_components(field.u).permute(backwards).contiguous().double()
    return image_from(vectors.numpy(), field.grid, vectors=True)


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
