"""Progress: how far a job is, as a terminal, a log or a runner of many jobs shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """What a callback ``on_progress`` is given.

    Parameters
    ----------
    stage
        The part of the job that is running, in a word.
    share
        How much of this stage is done, from 0 to 1.
    note
        What is worth knowing at the moment, beside the bar.
    line
        A sentence that stays on the screen when the stage is over; most reports have none.
    """

    stage: str
    share: float
    note: str = ""
    line: str = ""


OnProgress = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Take a report of progress and do nothing; the default callback."""
