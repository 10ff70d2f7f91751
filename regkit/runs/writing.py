"""The files of an outcome, and its report beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any

from regkit.runs.job import Outcome, WithReport

# As many as share a disk without harm; compressing and drawing keep two cores busy.
_WRITERS = 2


def write_outcome(
    outcome: Outcome, places: Mapping[str, Path], record: Mapping[str, Any], report: str | None
) -> None:
    """Write every output but the record.

    Parameters
    ----------
    outcome
        What a job has found.
    places
        The staged path of every output, by its name.
    record
        What the record says so far.
    report
        The name of the report; None where none is wanted.
    """
    if report is None or not isinstance(outcome, WithReport):
        outcome.write(places, record)
        return
    side_by_side(
        partial(_write_report, outcome, places[report], record),
        partial(outcome.write, places, record),
    )


def side_by_side(*jobs: Callable[[], object]) -> None:
    """Call all jobs in threads; after a failure start none of those that wait, and raise it."""
    with ThreadPoolExecutor(_WRITERS) as pool:
        futures = [pool.submit(job) for job in jobs]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _write_report(outcome: WithReport, path: Path, record: Mapping[str, Any]) -> None:
    """Draw and write the page; the imports for it take their time beside the other files."""
    from regkit.report import write_page

    write_page(outcome.page(), path, record=record)
