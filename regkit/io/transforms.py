"""Transforms, in and out: ITK's .h5, .tfm, .txt, .mat and displacement fields in NIfTI."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from regkit.errors import InputError
from regkit.io.atomic import write_atomically
from regkit.io.fields import field_writers, read_field
from regkit.io.itk import reason, simpleitk, write_with
from regkit.io.itk_hdf5 import parts_of, stored_bytes, verify_hdf5, write_hdf5
from regkit.io.itk_transforms import from_sitk, to_sitk
from regkit.io.names import display_name, extension
from regkit.io.preflight import check_regular
from regkit.io.streams import opened
from regkit.io.transform_files import HDF5, MATLAB, TEXT, declared_types
from regkit.io.voxels import lost
from regkit.transforms import Affine, DisplacementField, Transform, VelocityField

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
        .h5 or .hdf5 take anything, as an ITK composite (matrices in float64, fields in float32);
        .tfm, .txt and .mat an Affine; .nii and .nii.gz a displacement or velocity field.
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
    if suffix in HDF5:
        _write_hdf5(transform, place, overwrite)
    elif isinstance(transform, Affine):
        _write_affine(transform, place, overwrite)
    elif isinstance(transform, DisplacementField):
        write_atomically(place, *field_writers(transform), overwrite)
    return place


def _write_hdf5(transform: Transform, place: Path, overwrite: bool) -> None:
    parts = parts_of(transform)
    needed = stored_bytes(parts)
    write_atomically(
        place,
        lambda p: write_with(lambda: write_hdf5(parts, p), p, needed),
        lambda p: verify_hdf5(parts, p),
        overwrite,
    )


def _write_affine(transform: Affine, place: Path, overwrite: bool) -> None:
    itk = to_sitk(transform)
    write_atomically(
        place,
        lambda p: write_with(lambda: simpleitk().WriteTransform(itk, str(p)), p, 0),
        lambda p: _verify_affine(transform, p),
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


def _verify_affine(transform: Affine, path: Path) -> None:
    found = read_transform(path)
    if not isinstance(found, Affine) or not np.allclose(
        found.matrix, transform.matrix, rtol=1e-9, atol=1e-9
    ):
        raise lost(path)
