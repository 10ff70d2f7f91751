"""Transforms, in and out: ITK's .h5, .tfm, .txt, .mat and displacement fields in NIfTI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from regkit.errors import InputError, require
from regkit.io.atomic import write_atomically
from regkit.io.fields import field_writers, lps_components, read_field
from regkit.io.formats import display_name, extension
from regkit.io.itk import reason, simpleitk, write_with
from regkit.io.itk_transforms import from_sitk, to_sitk
from regkit.io.preflight import check_regular
from regkit.io.streams import opened
from regkit.io.transform_files import HDF5, MATLAB, TEXT, declared_types
from regkit.io.voxels import lost
from regkit.transforms import Affine, Chain, DisplacementField, Transform, VelocityField

_AFFINE_ONLY = (*TEXT, *MATLAB)
_FIELD_ONLY = (".nii", ".nii.gz")
_KNOWN = (*HDF5, *_AFFINE_ONLY, *_FIELD_ONLY)


def read_transform(path: str | Path) -> Transform:
    """Read a transform, world points of fixed to world points of moving (RAS+ mm).

    ITK's resampling transforms have the same direction; only their world is LPS, which is
    turned here.

    Parameters
    ----------
    path
        .h5 or .hdf5 (anything), .tfm, .txt, .mat (affine kinds), .nii or .nii.gz (a
        displacement field, intent 1007).

    Returns
    -------
    Transform
        An Affine, a DisplacementField, or a Chain of those in the order of the file.

    Raises
    ------
    InputError
        If the file is missing, damaged, points into other files, or holds a transform of an
        unsupported kind.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = write_transform(Affine(np.diag([2.0, 1.0, 1.0, 1.0])), Path(folder, "a.h5"))
    ...     read_transform(place).matrix[0].tolist()
    [2.0, 0.0, 0.0, 0.0]
    """
    place = Path(path)
    suffix = _suffix(place, "readable")
    check_regular(place)
    with opened(place, display_name(place), compressed=False):
        pass  # so that a missing permission is not taken for damage
    if suffix in _FIELD_ONLY:
        return read_field(place)
    types = declared_types(place, suffix)
    try:
        itk = simpleitk().ReadTransform(str(place))
    except (RuntimeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{display_name(place)}: holds {', '.join(types[:3])}, which cannot be read "
            f"({reason(error)}); allowed: affine kinds, displacement fields and composites of them"
        ) from error
    return from_sitk(itk, display_name(place))


def write_transform(transform: Transform, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a transform so that SimpleITK, ANTs and 3D Slicer can read it, whole or not at all.

    Parameters
    ----------
    transform
        World points of fixed to world points of moving (RAS+ mm).
    path
        .h5 or .hdf5 take anything, as an ITK composite; .tfm, .txt and .mat an Affine; .nii and
        .nii.gz a displacement or velocity field.
    overwrite
        Replace a file that is there.

    Returns
    -------
    Path
        Where it was written.

    Raises
    ------
    InputError
        If the extension is unknown or does not fit the transform, or the file exists.
    ResourceError
        If the disk is full.
    """
    place = Path(path)
    suffix = _suffix(place, "writable")
    if isinstance(transform, VelocityField):
        transform = transform.displacement
    _check_fits(transform, place, suffix)
    if isinstance(transform, DisplacementField) and suffix in _FIELD_ONLY:
        write_atomically(place, *field_writers(transform), overwrite)
    else:
        _write_itk(transform, place, suffix, overwrite)
    return place


def _write_itk(transform: Transform, place: Path, suffix: str, overwrite: bool) -> None:
    itk = to_sitk(transform)
    if suffix in HDF5 and not isinstance(transform, Chain):
        itk = simpleitk().CompositeTransform([itk])
    needed = sum(8 * field.u.numel() for field in _fields(transform))
    verify = _verify_hdf5 if suffix in HDF5 else _verify_affine
    write_atomically(
        place,
        lambda p: write_with(lambda: simpleitk().WriteTransform(itk, str(p)), p, needed),
        lambda p: verify(transform, p),
        overwrite,
    )


def _suffix(path: Path, how: str) -> str:
    suffix = extension(path)
    if suffix not in _KNOWN:
        raise InputError(
            f"{display_name(path)}: {suffix or 'no extension'} is not a transform format; {how}: "
            f"{', '.join(_KNOWN)}"
        )
    return suffix


def _check_fits(transform: Transform, path: Path, suffix: str) -> None:
    kind = type(transform).__name__
    if suffix in _AFFINE_ONLY and not isinstance(transform, Affine):
        raise InputError(f"{path.name}: {suffix} holds an Affine, not a {kind}; write it to .h5")
    if suffix in _FIELD_ONLY and not isinstance(transform, DisplacementField):
        raise InputError(
            f"{path.name}: {suffix} holds a displacement field, not a {kind}; write it to .h5"
        )


def _fields(transform: Transform) -> list[DisplacementField]:
    if isinstance(transform, Chain):
        return [field for link in transform.links for field in _fields(link)]
    if isinstance(transform, VelocityField):
        return [transform.displacement]
    return [transform] if isinstance(transform, DisplacementField) else []


def _verify_affine(transform: Transform, path: Path) -> None:
    found = read_transform(path)
    if not isinstance(transform, Affine) or not isinstance(found, Affine):
        raise lost(path)
    if not np.allclose(found.matrix, transform.matrix, rtol=1e-9, atol=1e-9):
        raise lost(path)


def _verify_hdf5(transform: Transform, path: Path) -> None:
    """Read every field back; the first and last slab must hold what was meant."""
    declared_types(path, ".h5")
    with require("h5py", extra="all").File(path, "r") as file:
        groups = file["TransformGroup"]
        found = [groups[key] for key in sorted(groups, key=int)]
        stored = [
            group["TransformParameters"]
            for group in found
            if group["TransformType"][0].startswith(b"DisplacementFieldTransform")
        ]
        fields = _fields(transform)
        same = len(stored) == len(fields) and all(map(_same_ends, stored, fields))
    if not same:
        raise lost(path)


def _same_ends(stored: Any, field: DisplacementField) -> bool:
    values = stored[:].reshape(*field.grid.shape[::-1], field.ndim)
    ends = lps_components(field.u[..., [0, -1]]).permute(*range(field.ndim, 0, -1), 0)
    return bool(np.isfinite(values).all()) and np.array_equal(values[[0, -1]], ends.numpy())
