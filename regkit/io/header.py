"""Header: what is known about an image before its voxels are read, and the checks on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix, shear_of
from regkit.geometry.grid import MAX_SHEAR

MAX_BYTES = 2**31
# Deflate cannot do better: a match of 258 bytes costs at least two bits, 1032:1.
MAX_DEFLATE = 1032
SPACING_RANGE = (1e-4, 1e3)

# torch has no full support for wide unsigned types; the next signed type holds their values.
TORCH_TYPES = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}


@dataclass(frozen=True)
class Layout:
    """Where the voxels of a NIfTI file are and how they are scaled.

    ``dims`` are the stored dimensions, first axis fastest; ``slope`` is None without scaling. The
    ``dtype`` of a coloured image has one field a channel.
    """

    dims: tuple[int, ...]
    dtype: np.dtype[np.generic]
    offset: int
    slope: float | None
    inter: float
    compressed: bool

    @property
    def nbytes(self) -> int:
        """Bytes that the voxels take, uncompressed."""
        return product(self.dims) * self.dtype.itemsize

    @property
    def channels(self) -> int:
        """Values a voxel."""
        return len(self.dtype.names or (None,))


@dataclass(frozen=True, eq=False)
class Header:
    """What :func:`regkit.io.preflight.preflight` found out about an image file.

    Parameters
    ----------
    path, name
        The file, and what messages call it.
    format
        ``"NIfTI"``, ``"NRRD"`` or ``"MetaImage"``.
    grid
        Where its voxels lie in the world (RAS+ mm).
    dtype
        How its voxels are stored.
    frames, frame
        How many images the file holds, and which of them is meant (from 0).
    channels, channel
        How many values a voxel has, and which of them is meant (from 0).
    layout
        Where a NIfTI file has its voxels; None for the formats of ITK.
    repetition
        Seconds from one frame to the next, where a NIfTI file says them.
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
    layout: Layout | None = None
    repetition: float | None = None


def product(values: Sequence[int]) -> int:
    """Product in whole numbers of any size, so that no header can overflow it."""
    total = 1
    for value in values:
        total *= int(value)
    return total


def check_dims(name: str, dims: Sequence[int]) -> None:
    """Refuse an axis that is empty or negative."""
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
    claimed
        Bytes of all voxels by the header.
    found
        Bytes that the file has for them, compressed or not.
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
    """Refuse spacings that are not finite, not positive or implausible in millimetres."""
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
    """Refuse an affine that is not finite, not invertible or implausible."""
    linear = affine[:-1, :-1]
    if not np.isfinite(affine).all():
        raise InputError(f"{name}: the {what} is not finite; fix the header{hint}")
    with np.errstate(over="ignore"):
        lengths = np.linalg.norm(linear, axis=0)
    cosines = linear / np.where(lengths > 0, lengths, 1)
    if abs(np.linalg.det(cosines)) < 1e-6:
        raise InputError(f"{name}: the {what} is not invertible; fix the header{hint}")
    check_spacing(name, lengths.tolist())


def check_shear(name: str, affine: Matrix, *, cure: str, what: str = "affine") -> None:
    """Refuse axes that are not at right angles, and say what to do about it (``cure``)."""
    shear = shear_of(affine)
    if shear > MAX_SHEAR:
        raise InputError(
            f"{name}: the {what} is sheared: its axes are off a right angle by {shear:.2g}, at "
            f"most {MAX_SHEAR:g} is allowed; {cure}"
        )


def check_choice(name: str, what: str, count: int, given: int | None) -> int:
    """Which of ``count`` to read, where ``what`` is ``"frame"`` or ``"channel"``."""
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
    """``data`` with NaN and infinite values replaced by ``nan``, or refused where that is None."""
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
    """Where ``data`` is finite, if ``nan`` stands in for what is not; None: everywhere."""
    if nan is None or data.dtype.kind != "f":
        return None
    known: NDArray[np.bool_] = np.isfinite(data)
    return None if known.all() else known


def torch_type(name: str, data: NDArray[np.generic]) -> str:
    """The name of the type in which torch holds ``data`` without loss."""
    if data.dtype.name == "uint64" and int(data.max()) > np.iinfo(np.int64).max:
        raise InputError(f"{name}: has values above the largest 64-bit integer; rescale them")
    return TORCH_TYPES.get(data.dtype.name, data.dtype.name)


def size_text(count: int) -> str:
    """A number of bytes for people.

    Examples
    --------
    >>> size_text(3 * 2**20)
    '3.0 MiB'
    """
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.1f} {units[0]}" if units[0] != "B" else f"{count} B"
