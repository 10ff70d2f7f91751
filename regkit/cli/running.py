"""Running: the options by which a user says how a job is run, which a command takes whole."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from regkit.cli.option_group import group_of
from regkit.cli.options import Debug, DryRun, FullPaths, Json, Overwrite, Quiet, Record, Resume
from regkit.cli.stopping import StopRequest

if TYPE_CHECKING:
    from regkit.runs import Job, RunOutcome, Task


@dataclass(frozen=True)
class Running:
    """How a job is run; each field is the option of that name."""

    record: Record = None
    overwrite: Overwrite = False
    resume: Resume = False
    full_paths: FullPaths = False
    dry_run: DryRun = False
    as_json: Json = False
    quiet: Quiet = False
    debug: Debug = False

    @property
    def replaces(self) -> bool:
        """Whether a job may replace what is there: one that was interrupted is begun anew."""
        return self.overwrite or self.resume

    @property
    def for_file(self) -> dict[str, Any]:
        """The fields of a :class:`regkit.runs.output_file.OutputFile` that are options here."""
        return {
            "record": self.record, "overwrite": self.replaces, "full_paths": self.full_paths
        }  # fmt: skip

    def carry_out(self, job: Job, *, more: Sequence[str] = ()) -> RunOutcome | None:
        """Do ``job``, with progress on stderr and its outputs on stdout.

        Parameters
        ----------
        job
            What the options of a command stand for.
        more
            Lines that follow what the job says of its inputs.

        Returns
        -------
        Done
            None where nothing was run: the job was finished before, or is only planned.

        Raises
        ------
        InputError, ResourceError
            As :func:`regkit.runs.run`.
        """
        from regkit.cli.terminal import progress, say
        from regkit.runs import begin, check, is_finished, run
        from regkit.runs.planning import plan_as_json, plan_as_text

        if self.resume:
            check(job)
            if is_finished(job):
                say(f"done    {job.outputs.title}: was finished before", quiet=self.quiet)
                return None
        task = begin(job)
        for line in (*_opening(task), *more):
            say(line, quiet=self.quiet)
        if self.dry_run:
            typer.echo(plan_as_json(job) if self.as_json else plan_as_text(job))
            return None
        with progress(quiet=self.quiet) as on_progress, _told_what_is_left(job):
            done = run(job, task, on_progress=on_progress)
        for line in done.summary:
            say(line, quiet=self.quiet)
        typer.echo(done.as_json() if self.as_json else done.as_text())
        return done


@contextmanager
def _told_what_is_left(job: Job) -> Iterator[None]:
    """Whoever stops a run is told what there is of it."""
    try:
        yield
    except (KeyboardInterrupt, StopRequest) as error:
        sign = error.sign if isinstance(error, StopRequest) else signal.SIGINT
        raise StopRequest(sign, job.outputs.left()) from None


def _opening(task: Task) -> list[str]:
    return [*task.introduction, *(f"notice  {notice}" for notice in task.notices)]


RUNNING = group_of("running", Running)
