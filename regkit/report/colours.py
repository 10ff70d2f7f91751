"""Colour scales, told apart with any kind of colour vision, as RGB in 0..1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# RdBu of ColorBrewer (Harrower and Brewer, The Cartographic Journal 40(1), 2003), from blue to red.
_DIVERGING = (
    "053061", "2166ac", "4393c3", "92c5de", "d1e5f0", "f7f7f7",
    "fddbc7", "f4a582", "d6604d", "b2182b", "67001f",
)  # fmt: skip
# The twenty colours of Tableau, dark and light in turn.
_DISTINCT = (
    "1f77b4", "aec7e8", "ff7f0e", "ffbb78", "2ca02c", "98df8a", "d62728", "ff9896", "9467bd",
    "c5b0d5", "8c564b", "c49c94", "e377c2", "f7b6d2", "7f7f7f", "c7c7c7", "bcbd22", "dbdb8d",
    "17becf", "9edae5",
)  # fmt: skip


def diverging(values: NDArray[np.float32], limit: float) -> NDArray[np.float32]:
    """Colours ``(..., 3)``: blue at ``-limit`` and below, white at 0, red at ``limit``.

    Examples
    --------
    >>> (255 * diverging(np.array([0.0], dtype=np.float32), 1.0)).round().tolist()
    [[247.0, 247.0, 247.0]]
    """
    table = _table(_DIVERGING)
    places = np.linspace(-limit, limit, len(table))
    channels = [np.interp(values, places, table[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def distinct(codes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Colours ``(..., 3)`` of labels, twenty that repeat; 0 is black."""
    palette = np.vstack([np.zeros(3), _table(_DISTINCT)])
    colours: NDArray[np.float32] = palette[np.where(codes == 0, 0, 1 + codes % 20)].astype(
        np.float32
    )
    return colours


def _table(codes: tuple[str, ...]) -> NDArray[np.float64]:
    return np.array([list(bytes.fromhex(code)) for code in codes]) / 255
