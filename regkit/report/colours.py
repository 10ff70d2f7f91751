"""Colours of maps, those of ColorBrewer (Harrower and Brewer, 2003)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_RED_BLUE = (
    "053061", "2166ac", "4393c3", "92c5de", "d1e5f0", "f7f7f7", "fddbc7", "f4a582", "d6604d",
    "b2182b", "67001f",
)  # fmt: skip
_PURPLES = (
    "fcfbfd", "efedf5", "dadaeb", "bcbddc", "9e9ac8", "807dba", "6a51a3", "54278f", "3f007d",
)  # fmt: skip


@dataclass(frozen=True)
class ColourScale:
    """The colours of the values from ``low`` to ``high``, evenly spread.

    Examples
    --------
    >>> signed_scale(2.0).of(np.array([-9.0, 0.0, 2.0])).tolist()
    [[5, 48, 97], [247, 247, 247], [103, 0, 31]]
    """

    stops: Sequence[str]
    low: float
    high: float

    def of(self, values: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Colours ``(..., 3)`` of values ``(...)``; those outside have the last ones."""
        table = np.array([list(bytes.fromhex(stop)) for stop in self.stops], np.float64)
        share = (np.nan_to_num(values) - self.low) / (self.high - self.low)
        at = np.clip(share, 0, 1) * (len(table) - 1)
        channels = [np.interp(at, np.arange(len(table)), column) for column in table.T]
        return np.stack(channels, axis=-1).round().astype(np.uint8)


def signed_scale(limit: float) -> ColourScale:
    """Blue at ``-limit``, white at 0, red at ``limit``."""
    return ColourScale(_RED_BLUE, -limit, limit)


def positive_scale(limit: float) -> ColourScale:
    """White at 0, dark at ``limit``."""
    return ColourScale(_PURPLES, 0.0, limit)
