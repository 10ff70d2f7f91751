"""Sizes of voxels, as a command or a table says them."""

from __future__ import annotations

from regkit.errors import InputError


def voxel_sizes(said: object) -> tuple[float, ...]:
    """Return sizes in world units: one of all axes, or one for each.

    Parameters
    ----------
    said
        A number, a list of them, or a word such as ``0.5,0.5,2``.

    Raises
    ------
    InputError
        If it is none of these, or a size is not finite and positive.

    Examples
    --------
    >>> voxel_sizes("1"), voxel_sizes("0.5,0.5,2"), voxel_sizes(2), voxel_sizes([1, 2])
    ((1.0,), (0.5, 0.5, 2.0), (2.0,), (1.0, 2.0))
    """
    words = said.split(",") if isinstance(said, str) else said
    words = words if isinstance(words, list) else [words]
    try:
        sizes = tuple(float(str(word)) for word in words)
    except ValueError:
        sizes = ()
    if not sizes or not all(0 < size < float("inf") for size in sizes):
        raise InputError(f"--voxel {said!r:.40} is not like 1 or 0.5,0.5,2, in world units")
    return sizes
