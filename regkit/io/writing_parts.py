"""Images out part by part: bands of a scene, frames of a series, one in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.atomic import write_atomically
from regkit.io.format import Band, FrameArrays, Window
from regkit.io.header import Header
from regkit.io.names import display_name
from regkit.io.output_checks import check_holds, check_output
from regkit.io.voxels import array_of, stored_type
from regkit.volume.volume import Volume


def save_bands(
    bands: Iterable[Volume],
    path: str | Path,
    *,
    grid: Grid,
    like: Header | None = None,
    classes: bool = False,
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
    classes
        Values are classes or bits, which overviews of the file must not mix.
    overwrite
        Replace a file that is there.

    Raises
    ------
    InputError, ResourceError
        As :func:`regkit.io.save`.
    """
    place = Path(path)
    form = check_holds(place, grid, None if like is None else like.value_type)
    write = form.write_bands
    if write is None or (like is not None and like.format != form.name):
        raise InputError(f"{display_name(place)}: holds no bands of a scene; write .tif")
    parts = (_as_band(each, classes) for each in bands)
    _write_once(place, lambda path: write(parts, grid, path, like), overwrite)
    return place


def _as_band(volume: Volume, classes: bool) -> Band:
    def part(window: Window) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        start, stop = ([getattr(s, end) for s in window] for end in ("start", "stop"))
        found = volume.window(start, [b - a for a, b in zip(start, stop, strict=True)])
        return array_of(found), None if found.valid is None else found.valid.numpy()

    return Band(stored_type(volume.dtype), part, classes)


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
        As :func:`regkit.io.save`.
    """
    place, rest = Path(path), iter(frames)
    first = next(rest)
    grid, dtype = first.grid, stored_type(first.dtype)
    check_output(place, overwrite=overwrite, frames=count)
    write = check_holds(place, grid, dtype).write_frames
    if write is None:
        raise InputError(f"{display_name(place)}: is not written frame by frame; write .nii.gz")
    arrays = FrameArrays(map(array_of, chain([first], rest)), count, dtype, repetition)
    _write_once(place, lambda path: write(arrays, grid, path), overwrite)
    return place


def _write_once(
    place: Path, write: Callable[[Path], Callable[[Path], None]], overwrite: bool
) -> None:
    """Write what can be gone through but once; ``write`` returns what checks the file."""
    checks = list[Callable[[Path], None]]()
    write_atomically(
        place, lambda path: checks.append(write(path)), lambda path: checks[0](path), overwrite
    )
