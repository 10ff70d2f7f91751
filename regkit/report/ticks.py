"""Round numbers along an axis."""

from __future__ import annotations

import math


def round_ticks(low: float, high: float, count: int) -> list[tuple[float, str]]:
    """Choose about ``count`` round numbers from ``low`` to ``high``, with the words for them.

    Parameters
    ----------
    low, high
        The ends; the second is larger.
    count
        How many are wanted.

    Examples
    --------
    >>> round_ticks(-0.5, 0.5, 5)
    [(-0.4, '-0.4'), (-0.2, '-0.2'), (0.0, '0.0'), (0.2, '0.2'), (0.4, '0.4')]
    >>> round_ticks(0, 54, 6)
    [(0.0, '0'), (10.0, '10'), (20.0, '20'), (30.0, '30'), (40.0, '40'), (50.0, '50')]
    """
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((m * power for m in (1, 2, 5, 10)), key=lambda each: abs(math.log(each / raw)))
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    values = [round(n * step, digits) + 0.0 for n in range(first, last + 1)]
    return [(value, f"{value:.{digits}f}") for value in values]
