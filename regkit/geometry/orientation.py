"""Which way the index axes of an array point in RAS+ world."""

from __future__ import annotations

from itertools import permutations

from regkit.errors import InputError
from regkit.geometry.affines import Matrix, spacing_of

_CODES = (("L", "R"), ("P", "A"), ("I", "S"))


def axis_directions(affine: Matrix) -> tuple[tuple[int, int], ...]:
    """Find for each index axis the world axis that it runs along, and its sign.

    Axes are matched one to one so that the sum of the absolute cosines is largest; an oblique grid
    gets the assignment that its storage order is closest to. ``affine`` is ``(d + 1, d + 1)``.

    Examples
    --------
    >>> import numpy as np
    >>> axis_directions(np.diag([-1.0, 1.0, 2.0, 1.0]))
    ((0, -1), (1, 1), (2, 1))
    """
    cosines = affine[:-1, :-1] / spacing_of(affine)
    ndim = len(cosines)
    best = max(
        permutations(range(ndim)),
        key=lambda order: sum(abs(cosines[world, axis]) for axis, world in enumerate(order)),
    )
    return tuple((world, 1 if cosines[world, axis] >= 0 else -1) for axis, world in enumerate(best))


def axis_codes(affine: Matrix) -> str:
    """Return orientation letters such as ``"LPS"``, which say where each index axis points to.

    Examples
    --------
    >>> import numpy as np
    >>> axis_codes(np.diag([-1.0, -1.0, 2.0, 1.0]))
    'LPS'
    """
    return "".join(_CODES[world][sign > 0] for world, sign in axis_directions(affine))


def parse_codes(codes: str, ndim: int) -> tuple[tuple[int, int], ...]:
    """Turn letters such as ``"LPS"`` into axis directions; the inverse of :func:`axis_codes`.

    Raises
    ------
    InputError
        If the letters do not name every world axis exactly once.
    """
    found = tuple(
        (world, 1 if letter == pair[1] else -1)
        for letter in codes.upper()
        for world, pair in enumerate(_CODES[:ndim])
        if letter in pair
    )
    if len(codes) != ndim or sorted(world for world, _ in found) != list(range(ndim)):
        raise InputError(
            f"orientation {codes!r} is not one letter of each pair R/L, A/P, I/S for {ndim} axes"
        )
    return found
