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
    marks = np.zeros((shape[0] + 1, shape[1]), np.int64)
    # An edge that ends in a row counts from above once, and once from below.
    for side in (-_ON_EDGE, _ON_EDGE):
        first, last, row = _spans(corners, np.arange(shape[1], dtype=np.float64) + side)
        begin = np.ceil(first - _ON_EDGE).clip(0, shape[0]).astype(int)
        end = np.floor(last + _ON_EDGE + 1).clip(0, shape[0]).astype(int)
        np.add.at(marks, (begin, row), 1)
        np.add.at(marks, (end, row), -1)
    return marks[:-1].cumsum(axis=0) > 0


def _spans(corners: Matrix, levels: Matrix) -> tuple[Matrix, Matrix, NDArray[np.int64]]:
    """From where to where lines across a polygon are inside, and which line each span is of."""
    start, end = corners, np.roll(corners, -1, axis=0)
    row, edge = np.nonzero((start[:, 1] <= levels[:, None]) != (end[:, 1] <= levels[:, None]))
    one, other = start[edge], end[edge]
    share = (levels[row] - one[:, 1]) / (other[:, 1] - one[:, 1])
    places = one[:, 0] + share * (other[:, 0] - one[:, 0])
    order = np.lexsort((places, row))
    return places[order][::2], places[order][1::2], row[order][::2]
