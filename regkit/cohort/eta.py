"""When a cohort will end."""

from __future__ import annotations

import time
from datetime import datetime, timedelta


class Clock:
    """Estimates the end of many pairs from those that have ended.

    Parameters
    ----------
    pairs
        How many there are.
    """

    def __init__(self, pairs: int) -> None:
        self._pairs, self._began = pairs, time.monotonic()

    def note(self, ended: int, failed: int, before: int) -> str:
        """How far it is, in words; pairs of an earlier run tell nothing of the time of others.

        Examples
        --------
        >>> Clock(4).note(4, 1, 0)
        '4/4, 1 failed'
        """
        left, worked = self._pairs - ended, ended - before
        parts = [f"{ended}/{self._pairs}"] + ([f"{failed} failed"] if failed else [])
        if left and worked:
            seconds = (time.monotonic() - self._began) / worked * left
            end = datetime.now().astimezone() + timedelta(seconds=seconds)
            parts.append(f"{spoken(seconds)} left, until {end:%a %H:%M}")
        return ", ".join(parts)


def spoken(seconds: float) -> str:
    """A time as people say it.

    Examples
    --------
    >>> spoken(42), spoken(150), spoken(9000)
    ('42 s', '2 min', '2 h 30 min')
    """
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
