"""Vectors in the order in which files keep them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from regkit.kernels.backend import loops_apply
from regkit.kernels.cpu import loops


def stored_order(u: Tensor, signs: Sequence[float], last: slice) -> NDArray[np.float32]:
    """Put a part of a field in the order of ITK: components fastest, then the first axis.

    Parameters
    ----------
    u
        ``(d, *shape)``, float32.
    signs
        By which each of the ``d`` components is multiplied.
    last
        Of the last axis of ``u``.

    Returns
    -------
    NDArray
        ``(*shape reversed, d)``, of a last axis as long as the slice.

    Examples
    --------
    >>> import torch
    >>> u = torch.arange(8.0).reshape(2, 2, 2)
    >>> stored_order(u, (-1, 1), slice(1, 2)).tolist()
    [[[-1.0, 5.0], [-3.0, 7.0]]]
    """
    field = u.detach().cpu().contiguous()
    if not loops_apply(field):
        return stored_order_reference(field, signs, last)
    low, high, _ = last.indices(u.shape[-1])
    out = np.empty((high - low, *reversed(u.shape[:-1])), np.float32)
    deep = field if u.ndim == 4 else field[:, :, None]
    room = out.reshape(len(out), *deep.shape[2:0:-1], len(u))
    loops.stored_order(deep.numpy(), np.array(signs, np.float32), low, room)
    return out


def stored_order_reference(u: Tensor, signs: Sequence[float], last: slice) -> NDArray[np.float32]:
    """Return what :func:`stored_order` does, by NumPy.

    Parameters
    ----------
    u
        ``(d, *shape)`` on the CPU.
    signs
        By which each of the ``d`` components is multiplied.
    last
        Of the last axis of ``u``.
    """
    part = u[..., last].numpy()
    turned = np.array(signs, np.float32).reshape(-1, *[1] * (part.ndim - 1)) * part
    return np.ascontiguousarray(np.transpose(turned))
