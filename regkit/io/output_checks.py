"""What no file can hold, refused before there is anything to write."""

from __future__ import annotations

from pathlib import Path

from regkit.errors import InputError
from regkit.geometry import Grid, World
from regkit.io.atomic import check_target
from regkit.io.format import Format
from regkit.io.formats.table import channel_suffixes, series_suffixes, writer
from regkit.io.names import display_name, extension


def check_output(path: Path, *, overwrite: bool, frames: int = 1, channels: int = 1) -> None:
    """Refuse a name that :func:`regkit.io.save` would refuse, before there is anything to save.

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


def check_holds(path: Path, grid: Grid, dtype: str | None = None) -> Format:
    """Refuse a name whose format cannot hold an image, before the work that makes it.

    Parameters
    ----------
    path
        Where it is to be saved.
    grid
        Where the image will lie.
    dtype
        The type of its voxels, such as ``"float32"``; None where it is not known yet.

    Returns
    -------
    Format
        The one that writes it.

    Raises
    ------
    InputError
        If the format holds no such place, dimension or type.
    """
    form = writer(path, grid.world)
    _check_world(form, path, grid)
    form.fits(display_name(path), grid, dtype)
    return form


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
