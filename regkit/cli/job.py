"""A job on the command line: planned, resumed or run, with what a person sees of it."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from regkit.cli.stopping import Stopped

if TYPE_CHECKING:
    from regkit.runs import Done, Job, Task


def carry_out(
    job: Job,
    *,
    resume: bool = False,
    dry_run: bool = False,
    as_json: bool = False,
    quiet: bool = False,
    more: Sequence[str] = (),
) -> Done | None:
    """Do ``job``, with progress on stderr and its outputs on stdout.

    Parameters
    ----------
    job
        What the options of a command stand for.
    resume
        Leave it as it is if it is finished.
    dry_run
        Check it, open its inputs, show the plan, and stop.
    as_json
        Show the plan or the record as JSON.
    quiet
        Show nothing on stderr.
    more
        Lines that follow what the job says of its inputs.

    Returns
    -------
    Done
        None where nothing was run.

    Raises
    ------
    InputError, ResourceError
        As :func:`regkit.runs.run`.
    """
    from regkit.cli.terminal import progress, say
    from regkit.runs import begin, check, is_finished, run
    from regkit.runs.planning import plan_as_json, plan_as_text

    if resume:
        check(job)
        if is_finished(job):
            say(f"done    {job.outputs.title}: was finished before", quiet=quiet)
            return None
    task = begin(job)
    for line in (*_opening(task), *more):
        say(line, quiet=quiet)
    if dry_run:
        typer.echo(plan_as_json(job) if as_json else plan_as_text(job))
        return None
    with progress(quiet=quiet) as on_progress, _told_what_is_left(job):
        done = run(job, task, on_progress=on_progress)
    for line in done.summary:
        say(line, quiet=quiet)
    typer.echo(done.as_json() if as_json else done.as_text())
    return done


@contextmanager
def _told_what_is_left(job: Job) -> Iterator[None]:
    """Whoever stops a run is told what there is of it."""
    try:
        yield
    except (KeyboardInterrupt, Stopped) as error:
        sign = error.sign if isinstance(error, Stopped) else signal.SIGINT
        raise Stopped(sign, job.outputs.left()) from None


def _opening(task: Task) -> list[str]:
    return [*task.introduction, *(f"notice  {notice}" for notice in task.notices)]
