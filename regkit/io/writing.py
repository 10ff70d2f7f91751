"""Images out: whole or not at all, and read back to be sure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.geometry import Grid
from regkit.io.atomic import write_atomically
from regkit.io.format import Format
from regkit.io.formats.table import writer
from regkit.io.output_checks import check_holds, check_output
from regkit.io.publish import publish
from regkit.io.voxels import array_of
from regkit.io.writing_parts import save_bands
from regkit.io.written_channels import of_channels
from regkit.volume.volume import Labels, Volume


def save(volume: Volume, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write an image or labels, whole or not at all, and read it back to be sure.

    Parameters
    ----------
    volume
        Several channels become the values of a voxel, where the format holds them: in NIfTI as
        colours where they are three or four of uint8, else along its fifth axis (which a 2-D image
        then has as one slice). float16 and bool, which the formats do not know, become float32 and
        uint8.
    path
        With an extension that a format writes, such as .nii.gz, .nrrd, .mha, .mgz, or .mhd
        (which keeps its voxels beside it, in .raw).
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
    check_output(place, overwrite=overwrite, channels=volume.channels)
    grid = volume.grid
    if writer(place, grid.world).write_bands is not None:
        classes = isinstance(volume, Labels)
        return save_bands(volume.split(), place, grid=grid, classes=classes, overwrite=overwrite)
    _save(array_of(volume), grid, place, channels=volume.channels, overwrite=overwrite)
    return place


def save_series(
    frames: Sequence[Volume],
    path: str | Path,
    *,
    repetition: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Write volumes of one grid as the frames of one file; a single one as :func:`save` does.

    Parameters
    ----------
    frames
        On the same grid, of the same type and the same channels. Those of a plane become images of
        one slice.
    path
        With an extension that holds several frames, and several channels where they have some:
        .nii or .nii.gz.
    repetition
        Seconds from one frame to the next, where they are known.
    overwrite
        Replace a file that is there.

    Raises
    ------
    InputError, ResourceError
        As :func:`save`.
    """
    place = Path(path)
    if len(frames) == 1:
        return save(frames[0], place, overwrite=overwrite)
    check_output(place, overwrite=overwrite, frames=len(frames), channels=frames[0].channels)
    grid = frames[0].grid
    data = np.stack([array_of(frame) for frame in frames], grid.ndim)
    _save(
        data, grid, place, channels=frames[0].channels, repetition=repetition, overwrite=overwrite
    )
    return place


def _save(
    data: NDArray[Any],
    grid: Grid,
    place: Path,
    *,
    channels: int,
    repetition: float | None = None,
    overwrite: bool,
) -> None:
    form = check_holds(place, grid, data.dtype.name)
    form = form if channels == 1 else of_channels(form)
    if form.beside(place):
        _save_several(form, data, grid, place, overwrite)
        return
    write_atomically(
        place,
        lambda part: _write(form, data, grid, part, repetition),
        lambda part: _verify(form, data, grid, part),
        overwrite,
    )


def _save_several(
    form: Format, data: NDArray[Any], grid: Grid, place: Path, overwrite: bool
) -> None:
    """All files get their final names in a staging folder: one names the others."""
    beside = form.beside(place)
    with publish(place.parent, overwrite=overwrite, last=place.name, names=beside) as staging:
        _write(form, data, grid, staging / place.name, None)
        _verify(form, data, grid, staging / place.name)


def _write(
    form: Format, data: NDArray[Any], grid: Grid, path: Path, repetition: float | None
) -> None:
    if form.write is not None:
        form.write(data, grid, path, repetition=repetition)


def _verify(form: Format, data: NDArray[Any], grid: Grid, path: Path) -> None:
    if form.verify is not None:
        form.verify(data, grid, path)
