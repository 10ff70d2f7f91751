"""Interpolation by cubic B-splines, for what linear interpolation would bias: parts of a pixel.

Unser, IEEE Signal Processing Magazine 1999. Linear interpolation smooths the more, the further a
point is from a voxel centre, which draws sub-pixel matches towards whole and half pixels.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def spline_coefficients(image: Samples) -> Samples:
    """Compute the coefficients of the cubic spline through ``(C, *spatial)``, channel by channel.

    The image is mirrored at its borders.
    """
    return np.stack(
        [scipy.ndimage.spline_filter(each, 3, output=np.float32, mode="mirror") for each in image]
    )


def spline_refined(image: Samples, factor: int) -> Samples:
    """Sample the cubic spline through ``(C, *spatial)`` in voxels ``factor`` times as small.

    Returns
    -------
    Samples
        ``(C, *shape)``, from the centre of the first voxel to that of the last one: an axis of
        ``n`` voxels has ``factor * (n - 1) + 1``, and those of ``image`` are among them.

    Examples
    --------
    >>> spline_refined(np.array([[0.0, 1.0, 2.0]], np.float32), 2).shape
    (1, 5)
    """
    shares = [(factor * (n - 1) + 1) / n for n in image.shape[1:]]
    zoom = scipy.ndimage.zoom
    return np.stack([zoom(each, shares, np.float32, order=3, mode="mirror") for each in image])


def spline_weights(shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of four neighbouring coefficients, from the one before a point that lies ``shift``.

    Parameters
    ----------
    shift
        ``(...)``, from 0 to below 1: how far the point is behind the second coefficient.

    Returns
    -------
    NDArray
        ``(..., 4)``, which sum to 1.

    Examples
    --------
    >>> spline_weights(np.array(0.0)).round(4).tolist()
    [0.1667, 0.6667, 0.1667, 0.0]
    """
    t = np.asarray(shift, dtype=np.float64)
    s = 1 - t
    return np.stack(
        [
            s**3 / 6,
            2 / 3 - t**2 * (2 - t) / 2,
            2 / 3 - s**2 * (2 - s) / 2,
            t**3 / 6,
        ],
        axis=-1,
    )
