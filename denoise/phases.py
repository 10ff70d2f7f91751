"""Phases: what happens once the network is there, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable

OnPhase = Callable[[str, float], None]
"""Called with the name of a phase and how much of it is done, from 0 to 1."""


def ignore(phase: str, share: float) -> None:
    """The callback of somebody who does not look."""


class Counter:
    """Counts the passes of a phase; called after each.

    Parameters
    ----------
    phase
        Its name.
    total
        How many passes there will be.
    on_phase
        Whom to tell.

    Examples
    --------
    >>> count = Counter("applying", 2, lambda phase, share: print(phase, share))
    >>> count()
    applying 0.5
    """

    def __init__(self, phase: str, total: int, on_phase: OnPhase) -> None:
        self._phase, self._total, self._on_phase = phase, total, on_phase
        self._done = 0

    def __call__(self) -> None:
        """One pass more is done."""
        self._done += 1
        self._on_phase(self._phase, min(1.0, self._done / self._total))
