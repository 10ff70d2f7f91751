"""How large a voxel is where a file may not say: by the file, by the user, or one pixel."""

from __future__ import annotations

from regkit.errors import InputError
from regkit.geometry import World
from regkit.io.header_checks import check_spacing
from regkit.io.options import ReadOptions


def spacing_and_world(
    name: str, ndim: int, found: tuple[float | None, ...] | None, options: ReadOptions
) -> tuple[tuple[float, ...], World]:
    """Find the spacing along every axis, and its world: RAS+ mm, or pixels where nobody says.

    Parameters
    ----------
    name
        The file, for messages.
    ndim
        How many axes it has.
    found
        What the file says in millimetres, with None for an axis of which it says nothing; None if
        it says nothing at all.
    options
        Its ``spacing`` is what the user says; it never overrules the file.

    Raises
    ------
    InputError
        If the file says less than all and the user nothing, or the spacing is unusable.

    Examples
    --------
    >>> spacing_and_world("a.npy", 3, None, ReadOptions(spacing=(0.5, 0.5, 2)))
    ((0.5, 0.5, 2.0), World('RAS+ mm'))
    >>> spacing_and_world("a.npy", 2, None, ReadOptions())
    ((1.0, 1.0), World('pixel'))
    """
    known = found or (None,) * ndim
    if all(each is None for each in known) and options.spacing is None:
        return (1.0,) * ndim, World.pixels()
    if options.spacing is not None and len(options.spacing) != ndim:
        raise InputError(
            f"{name}: has {ndim} axes, and {len(options.spacing)} spacings are given; give one an "
            "axis"
        )
    given = options.spacing or (None,) * ndim
    spacing = tuple(
        each if each is not None else more for each, more in zip(known, given, strict=True)
    )
    if any(each is None for each in spacing):
        raise InputError(
            f"{name}: does not say how far apart its slices are; pass spacing=(X, Y, Z) in "
            "millimetres"
        )
    check_spacing(name, [each for each in spacing if each is not None])
    return tuple(each for each in spacing if each is not None), World()
