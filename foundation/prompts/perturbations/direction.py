"""Draw directions in the world."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def random_direction(generator: np.random.Generator, ndim: int) -> NDArray[np.float64]:
    """Draw a unit vector ``(d,)``, every direction with the same chance.

    Examples
    --------
    >>> way = random_direction(np.random.default_rng(0), 3)
    >>> round(float(np.linalg.norm(way)), 6)
    1.0
    """
    way = generator.standard_normal(ndim)
    return np.asarray(way / np.linalg.norm(way))
