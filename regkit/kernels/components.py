"""Parts of a set of voxels that hang together."""

from __future__ import annotations

import numpy as np
import scipy
import torch
from numpy.typing import NDArray

from regkit.kernels.backend import loops_apply
from regkit.kernels.cpu import loops

_MOST = np.iinfo(np.int32).max  # voxels that 32 bits can number


def components(flags: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Number the parts of a set that hang together by the faces of voxels.

    As ``scipy.ndimage.label`` does, which takes longer to be imported than an image to be searched.

    Parameters
    ----------
    flags
        Boolean, of one to three axes.

    Returns
    -------
    parts, count
        Of the shape of ``flags``: from 1 on in the order of the first voxels, 0 outside the set;
        and how many there are.

    Examples
    --------
    >>> components(np.array([[1, 0, 1], [1, 0, 0]], bool))[0].tolist()
    [[1, 0, 2], [1, 0, 0]]
    """
    whole = np.ascontiguousarray(flags).reshape((1,) * (3 - flags.ndim) + flags.shape)
    if flags.size > _MOST or not loops_apply(torch.from_numpy(whole)):
        return components_reference(flags)
    parts = np.empty(whole.shape, np.int32)
    count = loops.components(whole.view(np.uint8), parts)
    return parts.reshape(flags.shape), count


def components_reference(flags: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Return what :func:`components` finds, by SciPy.

    Parameters
    ----------
    flags
        Boolean, of any shape.
    """
    parts, count = scipy.ndimage.label(flags)
    return parts, int(count)
