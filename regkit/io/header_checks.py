"""What a header may claim: refused before any voxel is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from regkit.errors import InputError
from regkit.geometry.affines import Matrix, shear_of
from regkit.geometry.grid import MAX_SHEAR
from regkit.io.options import MAX_BYTES
from regkit.io.sizes import size_text

# Deflate cannot do better: a match of 258 bytes costs at least two bits, 1032:1.
MAX_DEFLATE = 1032
# From electron microscopy to what no scanner makes.
SPACING_RANGE = (1e-6, 1e4)
# A thousand kilometres: a header whose origin lies beyond is damaged.
_MAX_ORIGIN = 1e9


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
