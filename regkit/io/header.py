"""Header: what is known about an image before its voxels are read, and the checks on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix, shear_of
from regkit.geometry.grid import MAX_SHEAR
from regkit.io.channels import meant_channels
from regkit.io.options import AS_STORED, MAX_BYTES, Channels, ReadOptions

# Deflate cannot do better: a match of 258 bytes costs at least two bits, 1032:1.
MAX_DEFLATE = 1032
# From electron microscopy to what no scanner makes.
SPACING_RANGE = (1e-6, 1e4)
# A thousand kilometres: a header whose origin lies beyond is damaged.
_MAX_ORIGIN = 1e9

# torch has no full support for wide unsigned types; the next signed type holds their values.
TORCH_TYPES = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}


@dataclass(frozen=True, eq=False)
class Header:
    """What is known about an image file before its voxels are read.

    Parameters
    ----------
    path, name
        The file or folder, and what messages call it.
    format
        The name of its :class:`regkit.io.format.Format`, such as ``"NIfTI"``.
    grid
        Where its voxels lie: in RAS+ mm, or in pixels where neither the file nor the user says how
        large a voxel is.
    dtype
        How its voxels are stored.
    frames, frame
        How many images the file holds, and which of them is meant (from 0).
    channels, channel
        How many values a voxel has, and which of them is meant (from 0).
    together
        Those that are meant together, where several are; ``channel`` is then the first.
    grey
        Whether their luminance is meant.
    repetition
        Seconds from one frame to the next, where the file says them.
    step
        How far apart two neighbouring values lie where whole numbers are stored with a scale.
    coarser
        The grids of further levels of resolution that the file holds, the finest first.
    source
        What the format found out besides, for its own reader.
    options
        What the user said about the file.
    value_type
        The NumPy name of the type in which the format gives its values; where it is not said, an
        image is read at once instead of when it is touched.
    beside
        Further files that the voxels come from.
    in_parts
        Whether the format reads a window without what lies around it.
    """

    path: Path
    name: str
    format: str
    grid: Grid
    dtype: str
    frames: int = 1
    frame: int = 0
    channels: int = 1
    channel: int = 0
    together: tuple[int, ...] = ()
    grey: bool = False
    repetition: float | None = None
    step: float = 0.0
    coarser: tuple[Grid, ...] = ()
    source: Any = None
    options: ReadOptions = AS_STORED
    value_type: str = ""
    beside: tuple[Path, ...] = ()
    in_parts: bool = False

    @property
    def unit(self) -> str:
        """The unit of its lengths: ``"mm"``, or ``"pixel"``."""
        return self.grid.world.unit

    def of(
        self, *, frame: int | None, channel: int | None, channels: Channels | None = None
    ) -> Header:
        """Return the header of one frame and one channel, or of several channels together.

        Raises
        ------
        InputError
            If there are several and none is given, or there are not so many.
        """
        numbers = meant_channels(self.name, self.channels, channel, channels)
        return replace(
            self,
            frame=check_choice(self.name, "frame", self.frames, frame),
            channel=numbers[0],
            together=numbers if len(numbers) > 1 else (),
            grey=channels == "luminance",
        )

    @property
    def kept(self) -> int:
        """How many channels the image will have once it is read."""
        return 1 if self.grey else max(1, len(self.together))

    @property
    def each_channel(self) -> list[Header]:
        """One header for each channel that is meant."""
        if not self.together:
            return [self]
        return [replace(self, channel=n, together=(), grey=False) for n in self.together]

    def each_frame(self, options: ReadOptions) -> list[Header]:
        """Return one header for each frame, or only that of the frame that ``options`` name.

        Raises
        ------
        InputError
            As :meth:`of`.
        """
        numbers = range(self.frames) if options.frame is None else [options.frame]
        return [
            self.of(frame=number, channel=options.channel, channels=options.channels)
            for number in numbers
        ]

    def level(self, number: int) -> Grid:
        """Return the grid of a level of resolution, 0 for the finest.

        Raises
        ------
        InputError
            If the file does not hold it.
        """
        grids = (self.grid, *self.coarser)
        if not 0 <= number < len(grids):
            raise InputError(f"{self.name}: has no level {number}; allowed: 0 to {len(grids) - 1}")
        return grids[number]


def product(values: Sequence[int]) -> int:
    """Multiply whole numbers of any size, so that no header can overflow the result."""
    total = 1
    for value in values:
        total *= int(value)
    return total


def check_dims(name: str, dims: Sequence[int]) -> None:
    """Refuse a header in which an axis is empty or negative.

    Parameters
    ----------
    name
        The file, for messages.
    dims
        Number of voxels along each axis.

    Raises
    ------
    InputError
        If one is below 1; it names the axis.
    """
    for axis, size in enumerate(dims):
        if size < 1:
            what = "is empty" if size == 0 else "is negative"
            raise InputError(
                f"{name}: axis {axis} {what} (dimension {axis + 1} = {size}); it must be positive"
            )


def check_claim(
    name: str, claimed: int, found: int, *, compressed: bool, max_bytes: int = MAX_BYTES
) -> None:
    """Refuse a header that promises more than the file can hold, or than is allowed.

    Parameters
    ----------
    name
        The file, for messages.
    claimed
        Bytes of all voxels by the header.
    found
        Bytes that the file has for them, compressed or not.
    compressed
        Whether the voxels are inside gzip, so that fewer bytes may hold them.
    max_bytes
        The most that the voxels may take, uncompressed.

    Raises
    ------
    InputError
        If more is claimed than the file can hold, or than ``max_bytes``.
    """
    if claimed > (found * MAX_DEFLATE if compressed else found):
        state = "compressed " if compressed else ""
        raise InputError(
            f"{name}: the header claims {size_text(claimed)} of voxels: expected {claimed} bytes, "
            f"found {found} {state}bytes; the file is cut or its header is damaged"
        )
    if claimed > max_bytes:
        raise InputError(
            f"{name}: its voxels take {size_text(claimed)}, which exceeds the bound of "
            f"{size_text(max_bytes)}; pass max_bytes={claimed} if that is meant"
        )


def check_spacing(name: str, spacing: Sequence[float]) -> None:
    """Refuse spacings that are not finite, not positive or implausible in millimetres.

    Parameters
    ----------
    name
        The file, for messages.
    spacing
        Distance of neighbouring voxel centres along each axis, in mm.

    Raises
    ------
    InputError
        If one is not finite, not positive, or outside ``SPACING_RANGE``; it names the axis.
    """
    low, high = SPACING_RANGE
    for axis, value in enumerate(spacing):
        if not np.isfinite(value) or value <= 0:
            raise InputError(
                f"{name}: axis {axis} has spacing {value:g}; spacing must be finite and positive. "
                "Fix the header"
            )
        if not low <= value <= high:
            raise InputError(
                f"{name}: axis {axis} has spacing {value:g} mm, which is implausible; allowed: "
                f"{low:g} to {high:g}. Check the header's units (xyzt_units)"
            )


def check_affine(name: str, affine: Matrix, *, what: str = "affine", hint: str = "") -> None:
    """Refuse an affine that is not finite, not invertible or implausible.

    Parameters
    ----------
    name
        The file, for messages.
    affine
        ``(d + 1, d + 1)``, index to world in mm.
    what
        What messages call the affine, such as ``"affine (sform)"``.
    hint
        What messages add after "fix the header", such as another form to choose.

    Raises
    ------
    InputError
        If a value is not finite, the axes are not independent, the spacing is implausible, or the
        origin is more than 1e9 mm away.
    """
    linear = affine[:-1, :-1]
    if not np.isfinite(affine).all():
        raise InputError(f"{name}: the {what} is not finite; fix the header{hint}")
    with np.errstate(over="ignore"):
        lengths = np.linalg.norm(linear, axis=0)
    cosines = linear / np.where(lengths > 0, lengths, 1)
    if abs(np.linalg.det(cosines)) < 1e-6:
        raise InputError(f"{name}: the {what} is not invertible; fix the header{hint}")
    check_spacing(name, lengths.tolist())
    if np.abs(affine[:-1, -1]).max() > _MAX_ORIGIN:
        raise InputError(
            f"{name}: the {what} puts the first voxel at "
            f"({', '.join(f'{x:g}' for x in affine[:-1, -1])}), which is implausible; allowed: up "
            f"to {_MAX_ORIGIN:g} mm. Fix the header{hint}"
        )


def check_shear(name: str, affine: Matrix, *, cure: str, what: str = "affine") -> None:
    """Refuse an affine whose axes are not at right angles.

    Parameters
    ----------
    name
        The file, for messages.
    affine
        ``(d + 1, d + 1)``, index to world.
    cure
        What the user can do about it, as the message ends.
    what
        What messages call the affine, such as ``"affine (qform)"``.

    Raises
    ------
    InputError
        If the cosine between two axes is above ``MAX_SHEAR``.
    """
    shear = shear_of(affine)
    if shear > MAX_SHEAR:
        raise InputError(
            f"{name}: the {what} is sheared: its axes are off a right angle by {shear:.2g}, at "
            f"most {MAX_SHEAR:g} is allowed; {cure}"
        )


def check_choice(name: str, what: str, count: int, given: int | None) -> int:
    """Find which frame, or which channel, of a file is to be read.

    Parameters
    ----------
    name
        The file, for messages.
    what
        ``"frame"`` or ``"channel"``.
    count
        How many the file holds.
    given
        The number that the user named, from 0; None where none is named.

    Returns
    -------
    int
        The number to read, from 0; a single one needs no name.

    Raises
    ------
    InputError
        If there are several and none is named, or there is none of this number.
    """
    if given is None and count > 1:
        raise InputError(
            f"{name}: has {count} {what}s, and one can be read; pass {what}=N, N from 0 to "
            f"{count - 1}"
        )
    chosen = given or 0
    if not 0 <= chosen < count:
        raise InputError(f"{name}: has no {what} {chosen}; allowed: 0 to {count - 1}")
    return chosen


def finite(name: str, data: NDArray[np.generic], nan: float | None) -> NDArray[np.generic]:
    """Replace NaN and infinite voxels by a value, or refuse them where none is given.

    Parameters
    ----------
    name
        The file, for messages.
    data
        Voxels ``(C, *spatial)``; the array is returned as it is where all are finite.
    nan
        The value that stands in for them; None refuses them.

    Raises
    ------
    InputError
        If a voxel is not finite and ``nan`` is None; it says how many are.
    """
    if data.dtype.kind != "f" or (np.isfinite(data.min()) and np.isfinite(data.max())):
        return data
    good = np.isfinite(data)
    if nan is None:
        raise InputError(
            f"{name}: {good.size - int(good.sum())} of {good.size} voxels are NaN or infinite; "
            "pass nan=0 to read them as 0"
        )
    return np.where(good, data, data.dtype.type(nan))


def known_voxels(data: NDArray[np.generic], nan: float | None) -> NDArray[np.bool_] | None:
    """Tell where all channels of ``data (C, *spatial)`` are finite; None stands for everywhere.

    Without ``nan`` the answer is None as well: :func:`finite` refuses such voxels then.
    """
    if nan is None or data.dtype.kind != "f":
        return None
    known: NDArray[np.bool_] = np.isfinite(data).all(axis=0)
    return None if known.all() else known


def torch_type(name: str, data: NDArray[np.generic]) -> str:
    """Name the type in which torch holds an array without loss.

    Parameters
    ----------
    name
        The file, for messages.
    data
        Voxels ``(C, *spatial)``.

    Raises
    ------
    InputError
        If ``data`` are uint64 and a value is above the largest int64.
    """
    if data.dtype.name == "uint64" and int(data.max()) > np.iinfo(np.int64).max:
        raise InputError(f"{name}: has values above the largest 64-bit integer; rescale them")
    return TORCH_TYPES.get(data.dtype.name, data.dtype.name)


def size_text(count: int) -> str:
    """Write a number of bytes as people read it.

    Examples
    --------
    >>> size_text(3 * 2**20)
    '3.0 MiB'
    """
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.1f} {units[0]}" if units[0] != "B" else f"{count} B"
