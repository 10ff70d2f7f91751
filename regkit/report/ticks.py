"""Round numbers for scales."""

from __future__ import annotations

import numpy as np


def round_step(wanted: float) -> float:
    """The number nearest to ``wanted`` that is 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> round_step(0.3), round_step(7.0), round_step(1300.0)
    (0.2, 5.0, 1000.0)
    """
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(min((1, 2, 5, 10), key=lambda m: abs(np.log(m * power / wanted))) * power)


def ticks(low: float, high: float, count: int) -> list[tuple[float, str]]:
    """About ``count`` round values from ``low`` to ``high``, and how to write them.

    Examples
    --------
    >>> ticks(-0.5, 0.5, 5)
    [(-0.4, '-0.4'), (-0.2, '-0.2'), (0.0, '0'), (0.2, '0.2'), (0.4, '0.4')]
    """
    step = round_step((high - low) / count)
    numbers = np.arange(np.ceil(low / step), np.floor(high / step) + 1)
    # Rounded to the step's own digits, or 3 * 0.1 would be 0.30000000000000004.
    digits = max(0, -int(np.floor(np.log10(step))))
    values = [round(float(n * step), digits) + 0.0 for n in numbers]
    return [(value, f"{value:g}") for value in values]
