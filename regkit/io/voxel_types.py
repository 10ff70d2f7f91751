"""Which voxels a tensor can hold: finite ones, of a type that torch has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError

# torch has no full support for wide unsigned types; the next signed type holds their values.
TORCH_TYPES = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}


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
