"""Transforms in ITK's HDF5 layout, written without ITK.

ITK keeps a displacement field in float64 whatever it is made from. Its readers turn either
precision into their own, part by part, so that float32 halves the file and loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError, require
from regkit.io.hdf5_file import new_hdf5
from regkit.io.itk_bspline import bspline_parameters
from regkit.io.lps import flip_xy, to_itk, vector_signs
from regkit.io.transform_files import declared_types
from regkit.io.voxels import read_back_error
from regkit.kernels.stored import stored_order
from regkit.transforms import Affine, Chain, DisplacementField, Transform, VelocityField
from regkit.transforms.bspline import CubicBSpline
from regkit.transforms.cubic_field import CubicField

Hdf5Transform = Affine | DisplacementField | CubicBSpline

# Nothing of the machine that writes: the same transform gives the same bytes anywhere. The
# version is that of the ITK whose layout this is.
_ORIGIN = {"ITKVersion": "5.4.0", "OSName": "any", "OSVersion": "any"}
# Much smaller slabs would use a fraction of every cache line: k is the fastest axis of u.
_SLAB_VALUES = 1 << 22


def hdf5_transforms(transform: Transform) -> list[Hdf5Transform]:
    """List the parts of the ITK composite that stands for a transform, outermost first.

    All map fixed to moving. Both ``Chain((a, b))`` and the composite of ``a, b`` map ``x`` to
    ``a(b(x))``; a velocity or cubic field becomes its displacement.

    Raises
    ------
    InputError
        If a part is of a type that ITK has no name for.
    """
    if isinstance(transform, Chain):
        return [part for link in transform.links for part in hdf5_transforms(link)]
    if isinstance(transform, VelocityField | CubicField):
        return [transform.displacement]
    if isinstance(transform, Affine | DisplacementField | CubicBSpline):
        return [transform]
    raise InputError(f"a {type(transform).__name__} cannot be written; sample it as a field first")


def stored_bytes(parts: Sequence[Hdf5Transform]) -> int:
    """Count the bytes that the fields among ``parts`` take in a file."""
    return sum(4 * part.u.numel() for part in parts if isinstance(part, DisplacementField))


def write_hdf5(
    parts: Sequence[Hdf5Transform], path: Path, more: Mapping[str, str] | None = None
) -> None:
    """Write a composite in ITK's HDF5 layout: affines in float64, fields in float32.

    Fields are not compressed: deflate takes ten times as long as writing them, for a fifth of their
    size.

    Parameters
    ----------
    parts
        Outermost first.
    path
        The file.
    more
        Texts by name, beside those that ITK writes.

    Raises
    ------
    OSError
        If the disk is full or fails.
    """
    h5py, ndim = require("h5py", extra="all"), parts[0].ndim
    with new_hdf5(path) as file:
        about = {**_ORIGIN, "HDFVersion": h5py.version.hdf5_version, **(more or {})}
        for name, text in about.items():
            _put_text(h5py, file, name, text)
        groups = file.create_group("TransformGroup")
        _put_kind(h5py, groups.create_group("0"), f"CompositeTransform_double_{ndim}_{ndim}")
        for number, part in enumerate(parts, start=1):
            _put_part(h5py, groups.create_group(str(number)), part)


def verify_hdf5(parts: Sequence[Hdf5Transform], path: Path) -> None:
    """Compare every value of a file with what was written into it.

    Raises
    ------
    ResourceError
        If it differs: the disk lost something.
    """
    kinds = declared_types(path, ".h5")
    if kinds[1:] != [_kind(part) for part in parts]:
        raise read_back_error(path)
    with require("h5py", extra="all").File(path, "r") as file:
        for number, part in enumerate(parts, start=1):
            if not _same(file[f"TransformGroup/{number}"], part):
                raise read_back_error(path)


def _kind(part: Hdf5Transform) -> str:
    names = {Affine: "AffineTransform_double", CubicBSpline: "BSplineTransform_double"}
    name = names.get(type(part), "DisplacementFieldTransform_float")
    return f"{name}_{part.ndim}_{part.ndim}"


def _put_part(h5py: Any, group: Any, part: Hdf5Transform) -> None:
    _put_kind(h5py, group, _kind(part))
    _put(group, "TransformFixedParameters", _fixed(part))
    if not isinstance(part, DisplacementField):
        _put(group, "TransformParameters", _few_values(part))
        return
    values = group.create_dataset(
        "TransformParameters", (part.u.numel(),), np.float32, track_times=False
    )
    for start, slab in _slabs(part):
        values[start : start + slab.size] = slab


def _same(group: Any, part: Hdf5Transform) -> bool:
    values = group["TransformParameters"]
    if not np.array_equal(group["TransformFixedParameters"][:], _fixed(part)):
        return False
    if not isinstance(part, DisplacementField):
        return np.array_equal(values[:], _few_values(part))
    return values.size == part.u.numel() and all(
        np.array_equal(values[start : start + slab.size], slab) for start, slab in _slabs(part)
    )


def _fixed(part: Hdf5Transform) -> NDArray[np.float64]:
    """Centre of an affine; size, origin, spacing and direction of any grid, in LPS mm."""
    if isinstance(part, Affine):
        return np.zeros(part.ndim)
    place = to_itk(part.grid)
    return np.array([*part.grid.shape, *place.origin, *place.spacing, *place.direction])


def _few_values(part: Affine | CubicBSpline) -> NDArray[np.float64]:
    """Matrix and translation; or coefficients, one component after the other, i fastest."""
    if isinstance(part, CubicBSpline):
        return bspline_parameters(part)
    matrix = flip_xy(part.matrix)
    return np.concatenate([matrix[:-1, :-1].ravel(), matrix[:-1, -1]])


def _slabs(field: DisplacementField) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Where each run of values starts, and the values: component fastest, then i, j, k."""
    deep = field.grid.shape[-1]
    plane = field.u.numel() // deep
    step = max(1, _SLAB_VALUES // plane)
    for low in range(0, deep, step):
        signs = vector_signs(field.ndim)
        yield low * plane, stored_order(field.u, signs, slice(low, low + step)).ravel()


def _put(group: Any, name: str, values: NDArray[np.float64]) -> None:
    group.create_dataset(name, data=values, track_times=False)


def _put_kind(h5py: Any, group: Any, kind: str) -> None:
    _put_text(h5py, group, "TransformType", kind)


def _put_text(h5py: Any, group: Any, name: str, text: str) -> None:
    group.create_dataset(name, data=[text], dtype=h5py.string_dtype("ascii"), track_times=False)
