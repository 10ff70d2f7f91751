"""Format: all that regkit knows about one kind of image file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from regkit.geometry import Grid
from regkit.io.header import Header
from regkit.io.options import ReadOptions

Window = tuple[slice, ...]


class Write(Protocol):
    """Write an array whose first axes are those of a grid, and whose last lists frames if any.

    ``repetition`` is the seconds from frame to frame, where they are known.
    """

    def __call__(
        self, data: NDArray[Any], grid: Grid, path: Path, *, repetition: float | None = None
    ) -> None:
        """Write ``data (*grid.shape)`` or ``(*grid.shape, frames)``, first axis fastest."""


@dataclass(frozen=True, eq=False)
class Band:
    """One channel of an image, given part by part.

    Parameters
    ----------
    dtype
        The NumPy name of the type of its values.
    part
        Values of a window ``(*window)``, and where they are data (None: everywhere).
    classes
        Its values are classes or bits: none are mixed, not in overviews either.
    """

    dtype: str
    part: Callable[[Window], tuple[NDArray[Any], NDArray[np.bool_] | None]]
    classes: bool = False

    @classmethod
    def of(cls, values: NDArray[Any]) -> Band:
        """Make a band of an array ``(*spatial)`` that has data everywhere."""
        return cls(values.dtype.name, lambda window: (values[window], None))


class WriteBands(Protocol):
    """Write channels one after the other, with what another file of the kind says beside values."""

    def __call__(
        self, bands: Iterable[Band], grid: Grid, path: Path, like: Header | None = None
    ) -> Callable[[Path], None]:
        """Write a file, and return what checks it: a ``ResourceError`` where the disk lost some."""


@dataclass(frozen=True, eq=False)
class FrameArrays:
    """The frames of a series one after the other, so that one at a time is in memory.

    Parameters
    ----------
    arrays
        ``(*grid.shape)`` each, all of one type.
    count
        How many there are.
    dtype
        The NumPy name of the type of their values.
    repetition
        Seconds from one to the next, where they are known.
    """

    arrays: Iterable[NDArray[Any]]
    count: int
    dtype: str
    repetition: float | None = None


WriteFrames = Callable[[FrameArrays, Grid, Path], Callable[[Path], None]]
"""Write the frames of a series, and return what checks the file as that of :class:`WriteBands`."""


class Fits(Protocol):
    """Refuse an image that files of a format cannot hold, before there are voxels to write."""

    def __call__(self, name: str, grid: Grid, dtype: str | None) -> None:
        """Raise an ``InputError`` that names the file; ``dtype`` is None where it is not known."""


def holds_everything(name: str, grid: Grid, dtype: str | None) -> None:
    """Refuse nothing: the ``fits`` of formats that can hold every image.

    Parameters
    ----------
    name
        The file, for messages.
    grid
        Where the image lies.
    dtype
        The type of its voxels; None where it is not known yet.
    """


def writes_nothing_beside(path: Path) -> tuple[str, ...]:
    """Name no further file: the ``beside`` of formats that write a single one."""
    return ()


@dataclass(frozen=True)
class Format:
    """One kind of image file or folder, as a row of the table of formats.

    Other packages add theirs through the entry points ``regkit.formats``, each of which names
    an object of this class.

    Parameters
    ----------
    name
        What messages call it.
    suffixes
        The extensions that promise it, lower case, with the dot.
    sniff
        Tells by the path and by the first bytes (1024, decompressed; none of a folder) whether
        a file is of this kind.
    header
        Reads and checks what lies before the voxels, with neither frame nor channel chosen.
    read
        The voxels of one frame and channel, which the header that ``header`` made has chosen by
        then, in a window (a slice of indices for every axis) of a level of resolution (0 where a
        format has one): ``(*window)`` in native byte order and in the units of the image. NaN
        stays.
    write, verify
        Write an array, and compare a file with what was written into it; None where regkit only
        reads.
    writable
        The suffixes among ``suffixes`` that can be written.
    gzipped
        The suffixes among ``suffixes`` whose content is inside gzip.
    beside
        Names of further files that writing a path makes in the same folder.
    fits
        Refuses a grid or a type of voxel that files of this kind cannot hold.
    units
        Those of :class:`regkit.World` whose lengths can be written.
    any_name
        Whether a file is also read whose name has another extension.
    series
        Whether ``write`` takes several frames.
    write_channels
        Write an array ``(*grid.shape, C)`` whose last axis lists the values of a voxel, or with
        ``series`` also ``(*grid.shape, frames, C)``; None where files of this kind hold one value a
        voxel.
    read_series
        For a header of one channel, the voxels of one frame after the other, where that is quicker
        than ``read`` for each; None where it is not.
    georeferenced
        Whether it holds images in a world with a CRS, and no others.
    known
        Where one channel of a window has data, as the file itself says; it is given what was read,
        and returns None for everywhere. None for formats that say nothing of it.
    write_bands
        Write channels one after the other and where each has data, with all that the header of
        another file of this kind says beside its values, if one is given. It returns what checks
        the file. None for formats that hold values alone.
    contents
        What a folder of this kind holds, one table of facts an image, where it can hold several;
        None for kinds that hold one.
    write_frames
        Write frames one after the other, without all of them in memory; None where only ``write``
        writes a series.
    """

    name: str
    suffixes: tuple[str, ...]
    sniff: Callable[[Path, bytes], bool]
    header: Callable[[Path, ReadOptions], Header]
    read: Callable[[Header, Window, int], NDArray[Any]]
    write: Write | None = None
    verify: Callable[[NDArray[Any], Grid, Path], None] | None = None
    writable: tuple[str, ...] = ()
    gzipped: tuple[str, ...] = ()
    beside: Callable[[Path], tuple[str, ...]] = writes_nothing_beside
    fits: Fits = holds_everything
    units: tuple[str, ...] = ("mm", "pixel")
    any_name: bool = False
    series: bool = False
    write_channels: Write | None = None
    read_series: Callable[[Header], Iterator[NDArray[Any]]] | None = None
    georeferenced: bool = False
    known: Callable[[Header, Window, int, NDArray[Any]], NDArray[np.bool_] | None] | None = None
    write_bands: WriteBands | None = None
    contents: Callable[[Path, ReadOptions], list[dict[str, Any]]] | None = None
    write_frames: WriteFrames | None = None
