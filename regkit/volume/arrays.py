"""Arrays of NumPy as tensors, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regkit.errors import InputError

# torch has no full support for wide unsigned types; the next signed type holds their values.
_WIDER = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}


def as_tensor(data: Any, name: str = "") -> Tensor:
    """Turn an array of real numbers of any shape into a tensor; memory is shared where possible.

    Unsigned types of 16 bits and more become the next signed type that holds their values.

    Raises
    ------
    InputError
        If it is no array of real numbers, or has whole numbers of 2**63 and above.

    Examples
    --------
    >>> as_tensor(np.array([1, 2], dtype=">u2"))
    tensor([1, 2], dtype=torch.int32)
    """
    if isinstance(data, Tensor):
        return data
    array = np.asarray(data)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise InputError(
            f"{name or 'volume'}: voxels of type {array.dtype} are no real numbers that regkit "
            "holds; give whole numbers of at most 64 bits, or float16, float32 or float64"
        )
    if array.dtype.name == "uint64" and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise InputError(
            f"{name or 'volume'}: has values above the largest 64-bit integer; rescale them"
        )
    # torch knows neither negative strides nor memory that may not be written.
    plain = array.astype(torch_type(array.dtype), order="C", copy=False)
    return torch.from_numpy(plain if plain.flags.writeable else plain.copy())


def torch_type(dtype: np.dtype[Any]) -> str:
    """Name the type in which torch holds the values of a NumPy type.

    Examples
    --------
    >>> torch_type(np.dtype("uint16")), torch_type(np.dtype(">f4"))
    ('int32', 'float32')
    """
    return _WIDER.get(dtype.name, dtype.name)


def as_array(data: Tensor) -> NDArray[Any]:
    """Turn a tensor ``(C, *spatial)`` into an array; one channel loses its axis.

    bfloat16, which NumPy does not know, becomes float32.

    Examples
    --------
    >>> as_array(torch.zeros(1, 4, 5)).shape, as_array(torch.zeros(2, 4, 5)).shape
    ((4, 5), (2, 4, 5))
    """
    plain = data.detach().cpu()
    plain = plain.float() if plain.dtype is torch.bfloat16 else plain
    array: NDArray[Any] = (plain[0] if len(plain) == 1 else plain).numpy()
    return array
