"""Numbers of voxels and of bytes, of any size."""

from __future__ import annotations

from collections.abc import Sequence


def product(values: Sequence[int]) -> int:
    """Multiply whole numbers of any size, so that no header can overflow the result."""
    total = 1
    for value in values:
        total *= int(value)
    return total


def size_text(count: int) -> str:
    """Write a number of bytes as people read it.

    Examples
    --------
    >>> size_text(3 * 2**20)
    '3.0 MiB'
    """
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.1f} {units[0]}" if units[0] != "B" else f"{count} B"
