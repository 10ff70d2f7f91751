"""Images and labels by their path: the header now, the voxels when they are touched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from regkit.io.deferred import open_lazily
from regkit.io.files import open_image, open_labels
from regkit.io.options import AS_STORED, MAX_BYTES, Channels, ReadOptions
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
    spacing: Sequence[float] | None = None,
    padding: float | None = None,
    channels: Channels | None = None,
    series: int | str | None = None,
) -> Volume:
    """Read an image of any format in the table (:mod:`regkit.io.formats.table`).

    Its header is read and checked now, its voxels when they are touched; see
    :class:`regkit.Volume`.

    Parameters
    ----------
    path
        The file, or a folder of DICOM files. ``Volume.name`` is its base name.
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
        The value to put in place of NaN and infinite voxels, which are no data then; without it
        they are refused.
    max_bytes
        The most that the voxels may take, uncompressed.
    spacing
        Millimetres from voxel to voxel along each axis, where the file does not say.
    padding
        The value of voxels that are no data; see :meth:`regkit.Volume.with_padding`.
    channels
        Which values of a voxel to keep together, in place of ``channel``: numbers from 0 such as
        ``(1, 3)``, ``"all"``, or ``"luminance"``: the grey of RGB or RGBA by ITU-R BT.709, of the
        values as they are; where alpha is 0 there are no data.
    series
        Which series of a folder of DICOM files that holds several: its number or its UID; see
        `regkit info FOLDER`.

    Returns
    -------
    Volume
        ``(C, i, j, k)`` in the stored type (float32 where the file scales its values), one channel
        unless ``channels`` keeps several, on a grid
        in RAS+ mm, or in pixels where neither the file nor ``spacing`` says how large a voxel is.
        ``valid`` says where it has data, where ``nan`` or ``padding`` is given. A NIfTI file with
        two dimensions gives a 2-D volume.

    Raises
    ------
    InputError
        If the file cannot be trusted; see :func:`regkit.io.preflight.preflight`. What only voxels
        tell (NaN, a damaged stream) is refused when they are touched, and so is a file that has
        changed until then.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np, torch
    >>> from regkit.geometry import Grid
    >>> image = Volume(torch.ones(4, 5, 6), Grid((4, 5, 6), np.eye(4)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read(image.save(Path(folder, "ones.nii.gz")))
    Volume(4x5x6, 1x1x1 mm, RAS, float32, 'ones.nii.gz')
    """
    options = ReadOptions(
        geometry, assume_ras, allow_shear, frame, channel, nan, max_bytes, _as_tuple(spacing),
        padding, channels, series,
    )  # fmt: skip
    return read_lazily(path, options)


def read_lazily(path: str | Path, options: ReadOptions = AS_STORED) -> Volume:
    """Read an image as :func:`read` does, with the choices of the user in one :class:`ReadOptions`.

    The header is read now, the voxels when they are touched.
    """
    return open_lazily(path, options, Volume, open_image)


def read_labels_lazily(path: str | Path, options: ReadOptions = AS_STORED) -> Labels:
    """Read a label map as :func:`read_labels` does, with the user's choices in one object.

    The header is read now, the voxels when they are touched.
    """
    return open_lazily(path, options, Labels, open_labels)


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
    spacing: Sequence[float] | None = None,
    padding: float | None = None,
    series: int | str | None = None,
    structures: Sequence[str] | None = None,
    threshold: float | None = None,
) -> Labels:
    """Read a label map; a float file is accepted where every value is a whole number.

    Parameters
    ----------
    path, geometry, assume_ras, allow_shear, frame, channel, nan, max_bytes, spacing, padding
        As for :func:`read`.
    series
        As for :func:`read`.
    structures
        Names of the structures of a DICOM segmentation or structure set that are taken, the first
        as label 1; where two overlap, the one that is named later has the voxel. Without them all
        are taken, under their numbers, and none may overlap.
    threshold
        The share from which a voxel of a fractional DICOM segmentation is part of its structure.

    Raises
    ------
    InputError
        If :func:`read` raises it, or a value is not a whole number, as the first touch tells.
    """
    options = ReadOptions(
        geometry, assume_ras, allow_shear, frame, channel, nan, max_bytes, _as_tuple(spacing),
        padding, None, series, structures if structures is None else tuple(structures), threshold,
    )  # fmt: skip
    return read_labels_lazily(path, options)


def _as_tuple(spacing: Sequence[float] | None) -> tuple[float, ...] | None:
    return None if spacing is None else tuple(spacing)
