"""The front of regkit's I/O: read an image, read labels, save either."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from regkit.errors import InputError
from regkit.io.atomic import check_target, write_atomically
from regkit.io.formats import WRITABLE, display_name, extension
from regkit.io.header import MAX_BYTES
from regkit.io.preflight import preflight
from regkit.io.publish import publish
from regkit.io.reading import Reading
from regkit.io.voxels import array_of
from regkit.volume.volume import Labels, Volume


def read(
    path: str | Path,
    *,
    geometry: str | None = None,
    assume_ras: bool = False,
    allow_shear: bool = False,
    frame: int | None = None,
    channel: int | None = None,
    nan: float | None = None,
    max_bytes: int = MAX_BYTES,
) -> Volume:
    """Read an image: NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr) or MetaImage (.mha, .mhd).

    Parameters
    ----------
    path
        The file. ``Volume.name`` is its base name.
    geometry
        ``"sform"`` or ``"qform"``, for a NIfTI file in which the two disagree.
    assume_ras
        Take the axes as right, anterior, superior where the file does not say.
    allow_shear
        Accept axes that are not at right angles. The grid stays sheared: :func:`regkit.register`
        gives its results on ``grid.straightened()``, and files can be saved on that only.
    frame
        Which image of a 4-D file, from 0.
    channel
        Which value of a voxel that has several (RGB, RGBA, vectors), from 0.
    nan
        The value to put in place of NaN and infinite voxels; without it they are refused.
    max_bytes
        The most that the voxels may take, uncompressed.

    Returns
    -------
    Volume
        ``(1, i, j, k)`` in the stored type (float32 where the file scales its values), on a grid
        in RAS+ mm. A NIfTI file with two dimensions gives a 2-D volume.

    Raises
    ------
    InputError
        If the file cannot be trusted; see :func:`regkit.io.preflight.preflight`.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from regkit.geometry import Grid
    >>> image = Volume(torch.ones(4, 5, 6), Grid((4, 5, 6), np.eye(4)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read(save(image, Path(folder, "ones.nii.gz")))
    Volume(4x5x6, 1x1x1 mm, RAS, float32, 'ones.nii.gz')
    """
    return open_image(
        path, Reading(geometry, assume_ras, allow_shear, frame, channel, nan, max_bytes)
    )


def open_image(path: str | Path, reading: Reading) -> Volume:
    """:func:`read`, with its choices in one piece."""
    header = preflight(path, reading)
    if header.format == "NIfTI":
        from regkit.io.nifti import read_nifti

        return read_nifti(header, nan=reading.nan)
    from regkit.io.itk import read_itk

    return read_itk(header, nan=reading.nan)


def read_labels(
    path: str | Path,
    *,
    geometry: str | None = None,
    assume_ras: bool = False,
    allow_shear: bool = False,
    frame: int | None = None,
    channel: int | None = None,
    nan: float | None = None,
    max_bytes: int = MAX_BYTES,
) -> Labels:
    """Read a label map; a float file is accepted where every value is a whole number.

    Parameters
    ----------
    path, geometry, assume_ras, allow_shear, frame, channel, nan, max_bytes
        As for :func:`read`.

    Raises
    ------
    InputError
        If :func:`read` raises it, or a value is not a whole number.
    """
    return open_labels(
        path, Reading(geometry, assume_ras, allow_shear, frame, channel, nan, max_bytes)
    )


def open_labels(path: str | Path, reading: Reading) -> Labels:
    """:func:`read_labels`, with its choices in one piece."""
    image = open_image(path, reading)
    return Labels(_whole(image.data, image.name), image.grid, image.name)


def save(volume: Volume, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write an image or labels, whole or not at all, and read it back to be sure.

    Parameters
    ----------
    volume
        One channel. float16 and bool, which the formats do not know, become float32 and uint8.
    path
        With extension .nii, .nii.gz, .nrrd, .mha or .mhd (which keeps its voxels beside it, in
        .raw).
    overwrite
        Replace a file that is there.

    Returns
    -------
    Path
        Where it was written.

    Raises
    ------
    InputError
        If the extension is unknown, the file exists and ``overwrite`` is false, or the volume
        does not fit a file.
    ResourceError
        If the disk is full or loses something.
    """
    place = Path(path)
    check_output(place, overwrite=overwrite)
    if extension(place) == ".mhd":
        _save_pair(volume, place, overwrite)
    else:
        _save_one(volume, place, overwrite)
    return place


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse a name that :func:`save` would refuse, before there is anything to save.

    Raises
    ------
    InputError
        If the extension is unknown, the name is taken, or the folder is missing or read-only.
    """
    suffix = extension(path)
    if suffix not in WRITABLE:
        raise InputError(
            f"{display_name(path)}: {suffix or 'no extension'} is not an image format that "
            f"regkit writes; writable: {', '.join(WRITABLE)}"
        )
    check_target(path, overwrite)


def _save_one(volume: Volume, place: Path, overwrite: bool) -> None:
    data, grid = array_of(volume), volume.grid
    write, verify = _writers(extension(place))
    write_atomically(
        place, lambda p: write(data, grid, p), lambda p: verify(data, grid, p), overwrite
    )


def _writers(suffix: str) -> tuple[Callable[..., None], Callable[..., None]]:
    if suffix in (".nii", ".nii.gz"):
        from regkit.io.nifti import verify_image, write_image

        return write_image, verify_image
    from regkit.io.itk import verify_itk, write_itk

    return write_itk, verify_itk


def _save_pair(volume: Volume, place: Path, overwrite: bool) -> None:
    """Header and voxels get their final names in a staging folder: one names the other."""
    data, grid, voxels = array_of(volume), volume.grid, place.with_suffix(".raw").name
    write, verify = _writers(extension(place))
    with publish(place.parent, overwrite=overwrite, last=place.name, names=[voxels]) as staging:
        write(data, grid, staging / place.name)
        verify(data, grid, staging / place.name)


def _whole(data: torch.Tensor, name: str) -> torch.Tensor:
    if not data.is_floating_point():
        return data
    wrong = data != data.round()
    if bool(wrong.any()):
        raise InputError(
            f"{name}: {int(wrong.sum())} voxels are not whole numbers, the first is "
            f"{float(data[wrong][0]):g}; labels must be whole. Was it interpolated?"
        )
    largest = float(data.abs().max())
    if largest >= 2**53:
        raise InputError(f"{name}: has label {largest:g}; labels must be below 2**53")
    return data.to(torch.int32 if largest < 2**31 else torch.int64)
