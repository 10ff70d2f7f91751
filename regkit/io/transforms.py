"""Transforms, in and out, by one table of formats."""

from __future__ import annotations

from pathlib import Path

from regkit.errors import InputError
from regkit.geometry import Grid, World
from regkit.io.atomic import write_atomically
from regkit.io.names import display_name, extension
from regkit.io.preflight import check_regular, read_header
from regkit.io.streams import open_stream
from regkit.io.transform_files import HDF5
from regkit.io.transform_format import ImagePair, PlacedImage, TransformFormat
from regkit.io.transform_formats.table import TABLE, readable_format, writable_format
from regkit.transforms import DisplacementField, Transform, VelocityField, links
from regkit.transforms.cubic_field import CubicField
from regkit.transforms.sampling import sample_transform
from regkit.volume.volume import Volume

_ON_A_GRID = (DisplacementField, VelocityField)
ImageLike = str | Path | Volume | Grid


def read_transform(
    path: str | Path,
    *,
    fixed: ImageLike | None = None,
    moving: ImageLike | None = None,
    program: str | None = None,
) -> Transform:
    """Read a transform, which maps world points of fixed to world points of moving (RAS+ mm).

    Whatever direction and world the file has, those are turned here. ITK's resampling transforms
    have this direction already, in LPS.

    Parameters
    ----------
    path
        A file of any format in ``docs/transforms.md``: of ITK and ANTs, FSL, FreeSurfer, AFNI,
        NiftyReg, greedy, SPM, elastix, MINC or X5. ``[FILE,1]`` is its inverse, as ANTs writes it.
    fixed, moving
        The images that the transform connects: files, volumes or grids. Formats whose numbers are
        relative to them (FSL, register.dat, AFNI, SPM) need them.
    program
        Whose file it is, where its content does not tell: ``itk``, ``fsl``, ``greedy``,
        ``niftyreg``, ``spm``, ``elastix``, ``freesurfer``, ``afni``, ``minc`` or ``x5``; or
        ``fsl-absolute`` and ``fsl-relative``.

    Returns
    -------
    Transform
        An Affine, a DisplacementField, a CubicBSpline, a CubicField, or a Chain of those in the
        order of the file.

    Raises
    ------
    InputError
        If the file is missing, damaged, points into other files, holds a transform of an
        unsupported kind, or needs an image or a program that is not given.

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
    place, inverted = split_inverted(path)
    if inverted:
        return read_transform(place, fixed=moving, moving=fixed, program=program).inverse()
    if not place.is_file() and extension(place) not in _SUFFIXES:
        readable_format(place, program)  # which says that it is none
    check_regular(place)
    with open_stream(place, display_name(place), compressed=False):
        pass  # so that a missing permission is not taken for damage
    return readable_format(place, program).read(place, image_pair(fixed, moving))


_SUFFIXES = {suffix for row in TABLE for suffix in row.suffixes}


def split_inverted(path: str | Path) -> tuple[Path, bool]:
    """Split ``[FILE,1]``, by which ANTs means the inverse, into the file and whether it is meant.

    Examples
    --------
    >>> split_inverted("[a.mat,1]")[1], split_inverted("[a.mat,0]")[1], split_inverted("a.mat")[1]
    (True, False, False)
    """
    text = str(path)
    if text.startswith("[") and text.endswith((",1]", ",0]")) and not Path(path).exists():
        return Path(text[1:-3]), text.endswith(",1]")
    return Path(path), False


def image_pair(fixed: ImageLike | None, moving: ImageLike | None) -> ImagePair:
    """Find out where the images lie that a transform connects, from their headers.

    Parameters
    ----------
    fixed, moving
        Points of the first are mapped to points of the second; None where one is not known.

    Raises
    ------
    InputError
        If the header of a file cannot be trusted.
    """
    return ImagePair(_placed(fixed, "fixed"), _placed(moving, "moving"))


def _placed(image: ImageLike | None, end: str) -> PlacedImage | None:
    if image is None:
        return None
    if isinstance(image, Grid):
        return PlacedImage(end, image)
    if isinstance(image, Volume):
        return PlacedImage(image.name or end, image.grid)
    header = read_header(image)
    return PlacedImage(header.name, header.grid)


def write_transform(
    transform: Transform,
    path: str | Path,
    *,
    fixed: ImageLike | None = None,
    moving: ImageLike | None = None,
    program: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a transform as another program reads it, whole or not at all.

    Parameters
    ----------
    transform
        World points of fixed to world points of moving, in RAS+ mm or pixels; or between two CRS,
        in .h5, whose points are then those of the CRS and are not turned to LPS.
    path
        .h5 or .hdf5 take anything, as an ITK composite (matrices in float64, fields in float32);
        .tfm, .txt, .mat, .lta, .dat, .1D and .xfm an Affine; .nii and .nii.gz a displacement or
        velocity field, or anything that is sampled on the grid of ``fixed``; .x5 both; .txt of
        elastix a cubic B-spline too.
    fixed, moving
        The images that the transform connects; see :func:`read_transform`.
    program
        Whose format it is to be where several have the extension; otherwise ITK's.
    overwrite
        Replace a file that is there.

    Returns
    -------
    Path
        Where it was written.

    Raises
    ------
    InputError
        If the extension is unknown or does not fit the transform, an image is needed and not given,
        the file exists, or the transform connects other worlds.
    ResourceError
        If the disk is full.
    """
    place = Path(path)
    form = writable_format(place, program)
    _check_worlds(transform, place)
    pair = image_pair(fixed, moving)
    whole = _fitting(transform, form, place, pair)
    if form.writers is not None:
        write_atomically(place, *form.writers(whole, place, pair), overwrite)
    return place


def _fitting(transform: Transform, form: TransformFormat, path: Path, pair: ImagePair) -> Transform:
    """The transform as the format holds it: a field is sampled where that is possible."""
    kind, called = form.holds
    if transform.ndim not in form.dimensions:
        raise InputError(
            f"{display_name(path)}: a {form.name} holds 3-D transforms, not a {transform.ndim}-D "
            "one; write it to .h5"
        )
    if isinstance(transform, VelocityField | CubicField):
        transform = transform.displacement
    if isinstance(transform, kind):
        return transform
    if form.sampled and pair.fixed is not None:
        return sample_transform(transform, pair.fixed.grid)
    cure = ", or give the fixed image, on whose grid it is sampled" if form.sampled else ""
    raise InputError(
        f"{path.name}: {extension(path)} holds {called}, not a {type(transform).__name__}; "
        f"write it to .h5{cure}"
    )


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
