"""Phases: what happens once the network is there, and how far it has come."""

from __future__ import annotations

from regkit.runs import OnProgress, Progress


class Counter:
    """Counts the passes of a phase; called after each.

    Parameters
    ----------
    phase
        Its name.
    total
        How many passes there will be.
    on_progress
        Whom to tell.

    Examples
    --------
    >>> count = Counter("applying", 2, lambda progress: print(progress.stage, progress.share))
    >>> count()
    applying 0.5
    """

    def __init__(self, phase: str, total: int, on_progress: OnProgress) -> None:
        self._phase, self._total, self._on_progress = phase, total, on_progress
        self._done = 0

    def __call__(self) -> None:
        """One pass more is done."""
        self._done += 1
        self._on_progress(Progress(self._phase, min(1.0, self._done / self._total)))
