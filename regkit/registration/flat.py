"""A 2-D image and a 3-D one of a single slice: the slice is taken as the picture of its plane."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from regkit.errors import InputError
from regkit.registration.placing import is_slice, slice_normal
from regkit.volume.volume import AnyVolume, Volume

_TILT = 1.0  # degrees, within which a plane is that of the first two world axes


def one_dimension(fixed: Volume, moving: Volume) -> tuple[Volume, Volume, tuple[str, ...]]:
    """Return both images as they are, or both in 2-D where one is 2-D and the other a single slice.

    Returns
    -------
    fixed, moving, notices
        A 2-D image lies in the plane of the first two world axes; so must the slice.

    Raises
    ------
    InputError
        If one is 2-D, and the other has more than one slice or lies in another plane.
    """
    if fixed.ndim == moving.ndim:
        return fixed, moving, ()
    whole = fixed if fixed.ndim == 3 else moving
    _check_plane(fixed, moving, whole)
    notice = f"{whole.name or 'image'}: its single slice is taken as a 2-D image of its plane"
    return flatten_slice(fixed), flatten_slice(moving), (notice,)


def flatten_slice(volume: AnyVolume) -> AnyVolume:
    """Make a 3-D volume of one slice a 2-D one, without its third world coordinate."""
    if volume.ndim == 2:
        return volume
    axis = volume.grid.shape.index(1)
    kept = [a for a in range(3) if a != axis]
    flat = np.eye(3)
    flat[:2] = volume.grid.affine[np.ix_([0, 1], [*kept, 3])]
    grid = volume.grid.placed([volume.grid.shape[a] for a in kept], flat)
    valid = None if volume.valid is None else volume.valid.squeeze(axis)
    return replace(volume, data=volume.data.squeeze(axis + 1), grid=grid, valid=valid)


def flattened_with(volume: AnyVolume, image: Volume) -> AnyVolume:
    """Flatten a mask or labels to 2-D as their ``image`` was, where they are a single slice."""
    lies_flat = volume.ndim == image.ndim or not is_slice(volume.grid)
    return volume if lies_flat else flatten_slice(volume)


def _check_plane(fixed: Volume, moving: Volume, whole: Volume) -> None:
    names = (
        f"{fixed.name or 'fixed'} is {fixed.ndim}-D and {moving.name or 'moving'} is "
        f"{moving.ndim}-D; "
    )
    if not is_slice(whole.grid):
        raise InputError(
            f"{names}both must have the same dimension, or the 3-D image one slice: take the "
            "slice that the 2-D image shows"
        )
    tilt = float(np.degrees(np.arccos(min(1.0, abs(slice_normal(whole.grid)[2])))))
    if tilt > _TILT:
        raise InputError(
            f"{names}the single slice lies at {tilt:.0f} degrees to the x-y plane of a 2-D image, "
            f"at most {_TILT:.0f} is allowed; save both as 3-D or both as 2-D"
        )
