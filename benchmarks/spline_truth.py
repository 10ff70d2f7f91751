"""Truth of the scenes by SciPy: a spline of pixels at any place, mirrored beyond the border."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter

Pixels = NDArray[np.float32]


def spline_of(image: Pixels) -> Pixels:
    """Compute the coefficients of a cubic spline, of each channel of ``(C, *spatial)``."""
    return np.stack([spline_filter(each, 3, output=np.float32, mode="mirror") for each in image])


def spline_at(coefficients: Pixels, index: NDArray[np.float64]) -> Pixels:
    """Evaluate it at index coordinates ``(*shape, d)``: ``(C, *shape)``."""
    where = np.moveaxis(index, -1, 0)
    return np.stack(
        [
            map_coordinates(each, where, np.float32, order=3, mode="mirror", prefilter=False)
            for each in coefficients
        ]
    )
