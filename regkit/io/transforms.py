"""Transforms, in and out, by one table of formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from regkit.errors import InputError
from regkit.geometry import World
from regkit.io.atomic import write_atomically
from regkit.io.fields import NIFTI_FIELD
from regkit.io.foreign_transforms import foreign_transform
from regkit.io.itk_fields import ITK_FIELD
from regkit.io.itk_files import ITK_HDF5, ITK_MATLAB, ITK_TEXT
from regkit.io.names import display_name, extension
from regkit.io.preflight import check_regular
from regkit.io.streams import open_stream
from regkit.io.transform_files import HDF5
from regkit.io.transform_format import TransformFormat
from regkit.transforms import DisplacementField, Transform, VelocityField, links

TABLE = (ITK_HDF5, ITK_TEXT, ITK_MATLAB, NIFTI_FIELD, ITK_FIELD)
# Other programs use these extensions too.
BY_CONTENT = (ITK_TEXT, ITK_MATLAB)
_ON_A_GRID = (DisplacementField, VelocityField)


def read_transform(path: str | Path) -> Transform:
    """Read a transform, which maps world points of fixed to world points of moving (RAS+ mm).

    ITK's resampling transforms have the same direction; only their world is LPS, which is turned
    here.

    Parameters
    ----------
    path
        .h5 or .hdf5 (anything), .tfm, .txt, .mat (affine kinds), .nii or .nii.gz (a
        displacement field of ITK or ANTs, or a dense one of NiftyReg or SPM), .nrrd, .nhdr, .mha
        or .mhd (a displacement field of ITK).

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
    >>> from regkit import Affine
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = write_transform(Affine(np.diag([2.0, 1.0, 1.0, 1.0])), Path(folder, "a.h5"))
    ...     read_transform(place).matrix[0].tolist()
    [2.0, 0.0, 0.0, 0.0]
    """
    place = Path(path)
    form = _format_of(place)
    if form is None and not place.is_file():
        raise _unknown(place, "readable", TABLE)
    check_regular(place)
    with open_stream(place, display_name(place), compressed=False):
        pass  # so that a missing permission is not taken for damage
    foreign = foreign_transform(place) if form is None or form in BY_CONTENT else None
    if foreign is not None:
        raise InputError(
            f"{display_name(place)}: holds {foreign[0]}, which is not read; {foreign[1]}"
        )
    if form is None:
        raise _unknown(place, "readable", TABLE)
    return form.read(place)


def write_transform(transform: Transform, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a transform so that SimpleITK, ANTs and 3D Slicer can read it, whole or not at all.

    Parameters
    ----------
    transform
        World points of fixed to world points of moving, in RAS+ mm or pixels; or between two CRS,
        in .h5, whose points are then those of the CRS and are not turned to LPS.
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
        If the extension is unknown or does not fit the transform, the file exists, or the
        transform connects other worlds.
    ResourceError
        If the disk is full.
    """
    place = Path(path)
    form = _format_of(place)
    if form is None or form.writers is None:
        raise _unknown(place, "writable", [each for each in TABLE if each.writers is not None])
    _check_worlds(transform, place)
    kind, called = form.holds
    if isinstance(transform, VelocityField):
        transform = transform.displacement
    if not isinstance(transform, kind):
        raise InputError(
            f"{place.name}: {extension(place)} holds {called}, not a {type(transform).__name__}; "
            "write it to .h5"
        )
    write_atomically(place, *form.writers(transform), overwrite)
    return place


def _format_of(path: Path) -> TransformFormat | None:
    return next((each for each in TABLE if extension(path) in each.suffixes), None)


def _check_worlds(transform: Transform, path: Path) -> None:
    """Refuse lengths that whoever reads the file would take for millimetres."""
    fields = [link for link in links(transform) if isinstance(link, _ON_A_GRID)]
    known = (transform.fixed_world, transform.moving_world, *(each.grid.world for each in fields))
    for world in known:
        held = world is not None and world.crs is not None and extension(path) in HDF5
        if world not in (None, World(), World.pixels()) and not held:
            raise InputError(
                f"{display_name(path)}: transform files hold RAS+ mm, and this transform lies in "
                f"{world}; register images in mm, which in_unit('mm') makes of µm and m"
            )


def _unknown(path: Path, how: str, formats: Sequence[TransformFormat]) -> InputError:
    suffixes = ", ".join(suffix for each in formats for suffix in each.suffixes)
    return InputError(
        f"{display_name(path)}: {extension(path) or 'no extension'} is not a transform format; "
        f"{how}: {suffixes}"
    )
