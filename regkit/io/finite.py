"""Voxels that are not finite: refused, or replaced and known as no data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError


def with_finite(
    name: str, data: NDArray[Any], nan: float | None
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Replace NaN and infinite voxels by a value, or refuse them where none is given.

    Parameters
    ----------
    name
        The file, for messages.
    data
        Voxels ``(C, *spatial)``; the array is returned as it is where all are finite.
    nan
        The value that stands in for them; None refuses them.

    Returns
    -------
    data, known
        The voxels, and where all channels were finite, ``(*spatial)``; None stands for everywhere.

    Raises
    ------
    InputError
        If a voxel is not finite and ``nan`` is None; it says how many are.
    """
    if data.dtype.kind != "f" or (np.isfinite(data.min()) and np.isfinite(data.max())):
        return data, None
    good = np.isfinite(data)
    if nan is None:
        raise InputError(
            f"{name}: {good.size - int(good.sum())} of {good.size} voxels are NaN or infinite; "
            "pass nan=0 to read them as 0"
        )
    return np.where(good, data, data.dtype.type(nan)), good.all(axis=0)
