"""Box: a region between two corners of the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError


@dataclass(frozen=True)
class Box:
    """A box whose sides are parallel to the axes of the world.

    Parameters
    ----------
    lower, upper
        Opposite corners, RAS+ world units; every coordinate of ``upper`` is at least that of
        ``lower``. A box without extent along one axis is the prompt of one slice.

    Raises
    ------
    InputError
        If the corners differ in length, are not finite, or are in the wrong order.

    Examples
    --------
    >>> Box((0, 0, 0), (10, 20, 30)).centre
    (5.0, 10.0, 15.0)
    """

    lower: tuple[float, ...]
    upper: tuple[float, ...]

    def __post_init__(self) -> None:
        lower, upper = (tuple(float(x) for x in corner) for corner in (self.lower, self.upper))
        if len(lower) != len(upper) or len(lower) not in (2, 3):
            raise InputError(
                f"a box has corners of {len(lower)} and {len(upper)} numbers; allowed: 3 and 3, or "
                "2 and 2 in a 2-D image"
            )
        if not np.isfinite([lower, upper]).all():
            raise InputError(f"box {lower} to {upper}: every number must be finite")
        if any(a > b for a, b in zip(lower, upper, strict=True)):
            raise InputError(f"box {lower} to {upper}: write the lower corner first")
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)

    @classmethod
    def around(cls, points: NDArray[np.float64]) -> Box:
        """Return the smallest box that holds ``points (N, d)``, N at least 1, in world units."""
        low, high = points.min(axis=0), points.max(axis=0)
        return cls(tuple(low.tolist()), tuple(high.tolist()))

    @property
    def centre(self) -> tuple[float, ...]:
        """The middle of the box, in world units."""
        return tuple((a + b) / 2 for a, b in zip(self.lower, self.upper, strict=True))

    @property
    def size(self) -> tuple[float, ...]:
        """Its length along each axis of the world."""
        return tuple(b - a for a, b in zip(self.lower, self.upper, strict=True))

    def corners(self) -> NDArray[np.float64]:
        """Return all corners, ``(2 ** d, d)``, in world units."""
        sides: Sequence[tuple[float, float]] = tuple(zip(self.lower, self.upper, strict=True))
        return np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, len(sides))

    def moved(self, lower: Sequence[float], upper: Sequence[float]) -> Box:
        """Move each corner by its own shift, in world units; crossed corners are put in order."""
        low = np.add(self.lower, lower)
        high = np.add(self.upper, upper)
        return Box(tuple(np.minimum(low, high).tolist()), tuple(np.maximum(low, high).tolist()))
