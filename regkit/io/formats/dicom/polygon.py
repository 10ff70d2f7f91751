"""Which pixels a closed polygon covers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regkit.geometry.affines import Matrix

# Pixels: corners of contours are rounded in files.
_ON_EDGE = 1e-3


def fill_polygon(corners: Matrix, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Tell which pixels have their centre inside a closed polygon or on its edge.

    Both axes, and both ways round, are treated alike, so that a square keeps its centre.

    Parameters
    ----------
    corners
        ``(n, 2)`` in pixels, centres at whole numbers; the last is joined to the first.
    shape
        Of the picture, in the order of the axes of ``corners``.

    Returns
    -------
    NDArray
        Boolean ``(*shape)``, by the rule of even and odd: what is enclosed twice is outside.

    Examples
    --------
    >>> fill_polygon(np.array([[1.0, 0], [2, 0], [2, 1], [1, 1]]), (4, 3)).astype(int).tolist()
    [[0, 0, 0], [1, 1, 0], [1, 1, 0], [0, 0, 0]]
    """
    out = np.zeros(shape, bool)
    start, end = corners, np.roll(corners, -1, axis=0)
    low, high = corners[:, 1].min(), corners[:, 1].max()
    rows = range(max(0, int(np.ceil(low - _ON_EDGE))), min(shape[1] - 1, int(high + _ON_EDGE)) + 1)
    for row in rows:
        # An edge that ends in the row counts from above once, and once from below.
        for level in (row - _ON_EDGE, row + _ON_EDGE):
            for first, last in _inside(start, end, level):
                begin = max(0, int(np.ceil(first - _ON_EDGE)))
                out[begin : max(0, int(np.floor(last + _ON_EDGE)) + 1), row] = True
    return out


def _inside(start: Matrix, end: Matrix, level: float) -> list[tuple[float, float]]:
    """From where to where a line across a polygon is inside."""
    crossing = (start[:, 1] <= level) != (end[:, 1] <= level)
    one, other = start[crossing], end[crossing]
    share = (level - one[:, 1]) / (other[:, 1] - one[:, 1])
    places = np.sort(one[:, 0] + share * (other[:, 0] - one[:, 0])).tolist()
    return [*zip(places[::2], places[1::2], strict=True)]
