"""Rows of an array: where they hold something, and weighted sums of several.

Three rows are added at a time: a sum that is stored and read again for each costs more in memory
than in additions.
"""

from __future__ import annotations

from regkit.kernels.cpu.jit import inline


@inline
def extent(row):
    """From the first voxel that is not 0 to behind the last one; two equal numbers if none is."""
    first, last = 0, len(row)
    while first < last and row[first] == 0:
        first += 1
    while last > first and row[last - 1] == 0:
        last -= 1
    return first, last


@inline
def _clamp(i, n):
    return min(max(i, 0), n - 1)


@inline
def across(rows, taps, middle, zero, out):
    """``out = sum taps[t] rows[middle + t - radius]``, for an odd number of taps.

    ``zero``: nothing lies outside, else the first and the last row do.
    """
    n, radius = len(rows), len(taps) // 2
    t, end = 0, len(taps)
    if zero:
        t, end = max(0, radius - middle), min(end, n + radius - middle)
    for k in range(len(out)):
        out[k] = 0
    while t + 2 < end:
        s = middle + t - radius
        a, b, c = rows[_clamp(s, n)], rows[_clamp(s + 1, n)], rows[_clamp(s + 2, n)]
        p, q, r = taps[t], taps[t + 1], taps[t + 2]
        for k in range(len(out)):
            out[k] += p * a[k] + q * b[k] + r * c[k]
        t += 3
    while t < end:
        a, p = rows[_clamp(middle + t - radius, n)], taps[t]
        for k in range(len(out)):
            out[k] += p * a[k]
        t += 1


@inline
def along(wide, taps, out):
    """``out[k] = sum taps[t] wide[k + t]``: a row that is continued by a radius at either end."""
    for k in range(len(out)):
        out[k] = 0
    t = 0
    while t + 2 < len(taps):
        part, p, q, r = wide[t : t + len(out) + 2], taps[t], taps[t + 1], taps[t + 2]
        for k in range(len(out)):
            out[k] += p * part[k] + q * part[k + 1] + r * part[k + 2]
        t += 3
    while t < len(taps):
        part, p = wide[t : t + len(out)], taps[t]
        for k in range(len(out)):
            out[k] += p * part[k]
        t += 1
