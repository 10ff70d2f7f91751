"""What one sensor sees, predicted from what the other sees there: the mean of each of its values.

Roche and others, MICCAI 1998 (correlation ratio). Where values of two sensors depend on each other
in any way, even if it is not monotone, the prediction shows the contrast of the other sensor,
without its speckle; so that windows can be matched by their values, which tell far more than edges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regkit.registration.scenes.looks import ViewPair
from regkit.registration.scenes.windows import Array

_BINS = 64
_LEAST = 100  # pixels of each bin


def predict_values(level: ViewPair, *, moving: bool) -> ViewPair:
    """Replace one scene by what it says of the other, channel by channel.

    Parameters
    ----------
    level
        Values of both scenes, as far as they have been registered.
    moving
        Whether moving is replaced, which suits a fixed image with more noise; else fixed is.
    """
    inside = (level.weight > 0) & (level.known > 0)
    given, wanted = (level.moving, level.fixed) if moving else (level.fixed, level.moving)
    values = np.stack([
        conditional_mean(one, other, inside) for one, other in zip(given, wanted, strict=True)
    ])  # fmt: skip
    if moving:
        return ViewPair(level.cover, level.fixed, level.weight, values, level.known)
    return ViewPair(level.cover, values, level.weight, level.moving, level.known)


def conditional_mean(given: Array, wanted: Array, inside: NDArray[np.bool_]) -> Array:
    """Mean of ``wanted`` for each value of ``given``, at every pixel, ``(*shape)``.

    Parameters
    ----------
    given, wanted
        Of one shape. Values of ``given`` are parted into bins of as many pixels, between whose
        middles the mean is interpolated.
    inside
        Where both are data.
    """
    x, y = given[inside], wanted[inside]
    bins = int(np.clip(x.size // _LEAST, 1, _BINS))
    borders = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)[1:-1])) if bins > 1 else x[:0]
    number = np.searchsorted(borders, x, side="right")
    count = np.bincount(number, minlength=len(borders) + 1)
    filled = count > 0
    middle, mean = (
        np.bincount(number, weights=each, minlength=len(count))[filled] / count[filled]
        for each in (x, y)
    )
    if not filled.any():
        return np.zeros_like(given)
    found: Array = np.interp(given, middle, mean).astype(np.float32)
    return found
