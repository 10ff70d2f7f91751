"""A histogram of a metric as a few bars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_BARS = 24


@dataclass(frozen=True)
class Histogram:
    """Counts between two values.

    Parameters
    ----------
    name
        What was measured.
    low, high
        Where the bars begin and end.
    bars
        Heights from 0 to 1.
    """

    name: str
    low: float
    high: float
    bars: tuple[float, ...]


def histogram(name: str, values: Iterable[float | None]) -> Histogram | None:
    """The distribution of values; None where there are fewer than two different ones."""
    known = np.array([value for value in values if value is not None], float)
    if known.size < 2 or known.min() == known.max():
        return None
    counts, edges = np.histogram(known, bins=_BARS)
    heights = tuple(float(each) for each in counts / counts.max())
    return Histogram(name, float(edges[0]), float(edges[-1]), heights)
