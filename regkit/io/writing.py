"""Images out: whole or not at all, and read back to be sure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid, World
from regkit.io.atomic import check_target, write_atomically
from regkit.io.format import Band, Format, FrameArrays, Window
from regkit.io.formats.table import channel_suffixes, series_suffixes, writer
from regkit.io.header import Header
from regkit.io.names import display_name, extension
from regkit.io.publish import publish
from regkit.io.voxels import array_of, stored_type
from regkit.io.written_channels import of_channels
from regkit.volume.volume import Volume


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
    form = _form(place, volume)
    if form.write_bands is not None:
        return save_bands(volume.split(), place, grid=volume.grid, overwrite=overwrite)
    _save(form, array_of(volume), volume.grid, place, overwrite=overwrite)
    return place


def save_bands(
    bands: Iterable[Volume],
    path: str | Path,
    *,
    grid: Grid,
    like: Header | None = None,
    overwrite: bool = False,
) -> Path:
    """Write bands of one grid, part by part, as the file of another scene has them.

    Parameters
    ----------
    bands
        One channel each, on ``grid``; what is read or warped when it is touched is so part by part.
    path
        With an extension whose format takes bands, such as .tif.
    grid
        Where they lie, in a world with a CRS.
    like
        The header of a file of that format, which has as many channels: the type of its pixels,
        their nodata value, the names of the bands, tags and colours are taken from it.
    overwrite
        Replace a file that is there.

    Raises
    ------
    InputError, ResourceError
        As :func:`save`.
    """
    place = Path(path)
    check_holds(place, grid, None if like is None else like.value_type)
    write = writer(place, grid.world).write_bands
    if write is None or (like is not None and like.format != writer(place, grid.world).name):
        raise InputError(f"{display_name(place)}: holds no bands of a scene; write .tif")
    checks = list[Callable[[Path], None]]()
    write_atomically(
        place,
        lambda part: checks.append(write(map(_as_band, bands), grid, part, like)),
        lambda part: checks[0](part),
        overwrite,
    )
    return place


def _as_band(volume: Volume) -> Band:
    def part(window: Window) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        start, stop = ([getattr(s, end) for s in window] for end in ("start", "stop"))
        found = volume.window(start, [b - a for a, b in zip(start, stop, strict=True)])
        return array_of(found), None if found.valid is None else found.valid.numpy()

    return Band(stored_type(volume.dtype), part)


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
    form = _form(place, frames[0])
    _save(form, data, grid, place, repetition=repetition, overwrite=overwrite)
    return place


def _form(place: Path, image: Volume) -> Format:
    form = writer(place, image.grid.world)
    return form if image.channels == 1 else of_channels(form)


def save_frames(
    frames: Iterable[Volume],
    path: str | Path,
    *,
    count: int,
    repetition: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the frames of a series one after the other, so that one at a time is in memory.

    Parameters
    ----------
    frames
        One channel each, on one grid and of one type; at least one.
    path
        With an extension whose format takes frames one after the other: .nii or .nii.gz.
    count
        How many there are.
    repetition
        Seconds from one frame to the next, where they are known.
    overwrite
        Replace a file that is there.

    Raises
    ------
    InputError, ResourceError
        As :func:`save`.
    """
    place, rest = Path(path), iter(frames)
    first = next(rest)
    grid, dtype = first.grid, stored_type(first.dtype)
    check_output(place, overwrite=overwrite, frames=count)
    check_holds(place, grid, dtype)
    write = writer(place, grid.world).write_frames
    if write is None:
        raise InputError(f"{display_name(place)}: is not written frame by frame; write .nii.gz")
    arrays = FrameArrays(map(array_of, chain([first], rest)), count, dtype, repetition)
    checks = list[Callable[[Path], None]]()
    write_atomically(
        place,
        lambda part: checks.append(write(arrays, grid, part)),
        lambda part: checks[0](part),
        overwrite,
    )
    return place


def check_output(path: Path, *, overwrite: bool, frames: int = 1, channels: int = 1) -> None:
    """Refuse a name that :func:`save` would refuse, before there is anything to save.

    Parameters
    ----------
    path
        Where the image is to be saved.
    overwrite
        Whether a file that is there may be replaced.
    frames
        How many frames are to be saved.
    channels
        How many channels each of them has.

    Raises
    ------
    InputError
        If the extension is unknown or does not hold so many frames or several channels, the name
        is taken, or the folder is missing or read-only.
    """
    form = writer(path)
    name = display_name(path)
    if channels > 1 and form.write_channels is None:
        raise InputError(
            f"{name}: {extension(path)} holds one value a voxel, not {channels} channels; write "
            f"{', '.join(channel_suffixes())}, or choose with channel=N"
        )
    if frames > 1 and not form.series:
        raise InputError(
            f"{name}: {extension(path)} holds one image, not a series of {frames}; "
            f"write {', '.join(series_suffixes())}"
        )
    check_target(path, overwrite)


def check_holds(path: Path, grid: Grid, dtype: str | None = None) -> None:
    """Refuse a name whose format cannot hold an image, before the work that makes it.

    Parameters
    ----------
    path
        Where it is to be saved.
    grid
        Where the image will lie.
    dtype
        The type of its voxels, such as ``"float32"``; None where it is not known yet.

    Raises
    ------
    InputError
        If the format holds no such place, dimension or type.
    """
    form = writer(path, grid.world)
    _check_world(form, path, grid)
    form.fits(display_name(path), grid, dtype)


def _check_world(form: Format, path: Path, grid: Grid) -> None:
    """Refuse a world that would be another one when the file is read again."""
    name, world = display_name(path), grid.world
    if form.georeferenced != (world.crs is not None):
        raise InputError(
            f"{name}: {extension(path)} does not say that an image lies in {world}; write .tif, "
            "which holds what has a CRS, or .nii.gz for RAS+ mm, µm or m, and pixels"
        )
    if not (world.anatomical or world.crs or world == World.pixels()):
        raise InputError(
            f"{name}: no format that regkit writes says that an image lies in {world}; allowed: "
            "RAS+ mm, µm or m, pixels, and what has a CRS"
        )
    if world.unit not in form.units:
        raise InputError(
            f"{name}: this format holds mm, and the image lies in {world}; convert it with "
            "in_unit('mm'), or save it as .nii.gz"
        )


def _save(
    form: Format,
    data: NDArray[Any],
    grid: Grid,
    place: Path,
    *,
    repetition: float | None = None,
    overwrite: bool,
) -> None:
    check_holds(place, grid, data.dtype.name)
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
