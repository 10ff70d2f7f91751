"""X5, the exchange format of the neuroimaging community, as nitransforms writes it: an HDF5 file.

Everything in it is in RAS+ mm and leads from the reference, which is fixed, to moving.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from regkit.errors import InputError, require
from regkit.geometry import Grid
from regkit.io.hdf5_links import check_links
from regkit.io.header_checks import check_affine, check_claim, check_dims
from regkit.io.names import display_name
from regkit.io.nifti_vectors import check_vectors
from regkit.io.options import MAX_BYTES
from regkit.io.transform_format import ImagePair, TransformFormat
from regkit.io.transform_formats.text import usable_matrix
from regkit.io.transform_formats.x5_writing import x5_writers
from regkit.transforms import Affine, DisplacementField, Transform, compose
from regkit.transforms.bspline import fading_spline

_MAGIC = b"\x89HDF\r\n\x1a\n"
_MAX_DEPTH = 5
_READ = "linear, and nonlinear of subtype densefield or bspline"


def read_x5(path: Path, pair: ImagePair) -> Transform:
    """Read the transforms of an X5 file, fixed to moving.

    Of several the first is applied last, as nitransforms does with a list.

    Raises
    ------
    InputError
        If it is damaged, points into other files, or holds a transform of another type.
    """
    name = display_name(path)
    h5py = require("h5py", extra="all")
    with path.open("rb") as start:
        if start.read(len(_MAGIC)) != _MAGIC:
            raise InputError(f"{name}: is not an X5 transform: it is not an HDF5 file")
    try:
        check_links(path, _MAX_DEPTH)
        with h5py.File(path, "r") as file:
            return compose(*_transforms(file, name))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{name}: is not an X5 transform, or is damaged ({reason})") from error


def _text(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _transforms(file: Any, name: str) -> list[Transform]:
    if _text(file.attrs.get("Format", "")) != "X5":
        raise InputError(f"{name}: is not an X5 transform: its Format is not X5")
    groups = file["TransformGroup"]
    found = [_transform(groups[key], name) for key in sorted(groups, key=int)]
    if not found:
        raise InputError(f"{name}: holds no transform")
    return found


def _transform(group: Any, name: str) -> Transform:
    kind, subtype = _text(group.attrs["Type"]), _text(group.attrs.get("SubType", ""))
    if kind == "linear":
        return _linear(group["Transform"], name)
    if (kind, subtype) == ("nonlinear", "densefield"):
        return _dense(group, name)
    if (kind, subtype) == ("nonlinear", "bspline"):
        grid = _grid(group["Transform"], group["AdditionalParameters"], name)
        return fading_spline(_vectors(group["Transform"], name).double(), grid)
    raise InputError(
        f"{name}: holds a transform of type {kind:.40} {subtype:.40}, which is not read; allowed: "
        f"{_READ}. Write it in a format of ITK with nitransforms"
    )


def _linear(values: Any, name: str) -> Affine:
    if values.shape != (4, 4):
        raise InputError(
            f"{name}: its matrix has shape {values.shape}; allowed: (4, 4), one transform"
        )
    return Affine(usable_matrix(np.asarray(values[:], dtype=np.float64), name))


def _dense(group: Any, name: str) -> DisplacementField:
    what = _text(group.attrs.get("Representation", ""))
    grid = _grid(group["Transform"], group["Domain/Mapping"], name)
    values = _vectors(group["Transform"], name)
    if what == "displacements":
        return DisplacementField(values.float(), grid)
    if what == "deformations":
        u = values.double() - grid.world_points().movedim(-1, 0)
        return DisplacementField(u.float(), grid)
    raise InputError(
        f"{name}: its field holds {what or 'it does not say what'!r:.40}; allowed: displacements "
        "and deformations"
    )


def _grid(values: Any, mapping: Any, name: str) -> Grid:
    """Where vectors lie."""
    shape = tuple(map(int, values.shape))
    if len(shape) != 4 or shape[3] != 3:
        raise InputError(f"{name}: its field has shape {shape}; allowed: (i, j, k, 3)")
    check_dims(name, shape)
    if mapping.shape != (4, 4):
        raise InputError(f"{name}: its mapping has shape {mapping.shape}; allowed: (4, 4)")
    affine = np.asarray(mapping[:], dtype=np.float64)
    check_affine(name, affine)
    return Grid(shape[:3], affine)


def _vectors(values: Any, name: str) -> torch.Tensor:
    """The vectors ``(3, i, j, k)``, in the type of the file."""
    size = values.size * values.dtype.itemsize
    check_claim(name, size, size, compressed=False, max_bytes=MAX_BYTES)
    if values.dtype.kind != "f":
        raise InputError(f"{name}: its field holds {values.dtype}; allowed: floating-point numbers")
    native = np.asarray(values[:]).astype(values.dtype.newbyteorder("="))
    return check_vectors(name, torch.from_numpy(np.moveaxis(native, -1, 0).copy()))


X5 = TransformFormat(
    "x5", "X5", (".x5",), read_x5, x5_writers,
    (Affine | DisplacementField, "an Affine or a displacement field"), sampled=True,
)  # fmt: skip
