"""Run a plan of many jobs with what a person sees of it."""

from __future__ import annotations

import signal
from collections import deque
from typing import TYPE_CHECKING

from regkit.cli.stopping import StopRequest

if TYPE_CHECKING:
    from regkit.cohort import CohortDone, Count, Plan
    from regkit.cohort.start import Workplace


def run_plan(
    plan: Plan,
    place: Workplace,
    *,
    retries: int = 2,
    resume: bool = False,
    overwrite: bool = False,
    quiet: bool = False,
) -> CohortDone:
    """Run every row of a plan, with progress in the terminal.

    Parameters
    ----------
    plan
        What :func:`regkit.cohort.plan_cohort` has judged.
    place
        Where it runs.
    retries
        How often a row is tried again whose process died.
    resume, overwrite
        As the plan was made.
    quiet
        Show no progress.

    Raises
    ------
    Stopped
        At Ctrl-C or a signal to stop; it says how many rows are finished.
    RegkitError
        As :func:`regkit.cohort.start.start_cohort` does.
    """
    from regkit.cli.terminal import progress
    from regkit.cohort import Count
    from regkit.cohort.start import start_cohort

    counts = deque([Count()], maxlen=1)
    try:
        with progress(quiet=quiet) as on_progress:
            return start_cohort(
                plan, place, retries=retries, resume=resume, overwrite=overwrite,
                keep=counts.append, on_progress=on_progress,
            )  # fmt: skip
    except (KeyboardInterrupt, StopRequest) as error:
        sign = error.sign if isinstance(error, StopRequest) else signal.SIGINT
        raise StopRequest(sign, _left(counts[-1])) from None


def _left(count: Count) -> str:
    return f"{count.done} rows are finished; the same command with --resume goes on"
