"""Run a job: check it, see that it fits, do it, and publish everything at once."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from regkit.errors import InputError
from regkit.io.transforms import split_inverted
from regkit.kernels.heap import give_back_memory
from regkit.runs.job import Job, Task
from regkit.runs.memory import check_needs
from regkit.runs.outputs import Outputs, record_name, report_name
from regkit.runs.progress import OnProgress, ignore
from regkit.runs.record import make_record, with_outputs, write_record
from regkit.runs.writing import write_outcome


@dataclass(frozen=True)
class RunOutcome:
    """A finished run: where its outputs are, what its record says, and lines for a person."""

    outputs: Outputs
    record: Mapping[str, Any]
    summary: tuple[str, ...] = ()

    def as_json(self) -> str:
        """The record and the folder, for another program."""
        return json.dumps({"folder": str(self.outputs.folder), **self.record}, indent=2)

    def as_text(self) -> str:
        """What a person looks for, one file a line."""
        return "\n".join(map(str, self.outputs.results()))


def begin(job: Job) -> Task:
    """Check ``job``, see whether it fits, and open its inputs.

    Raises
    ------
    InputError
        If it could not be carried out.
    ResourceError
        If there is too little memory or disk.
    """
    check(job)
    survey = job.look()
    check_needs(survey.needs(), job.outputs.folder)
    return survey.open()


def check(job: Job) -> None:
    """Refuse a job that could not be carried out, opening no file.

    Raises
    ------
    InputError
        If something is not allowed, or an output could not be written.
    """
    job.check()
    for each in job.inputs():
        if split_inverted(each.path)[1]:  # a record would forget it
            raise InputError(
                f"{each.path.name}: this command takes files alone; write the inverse with "
                "`regkit transform invert`"
            )
    job.outputs.check([each.path for each in job.inputs()])


def run(job: Job, task: Task | None = None, *, on_progress: OnProgress = ignore) -> RunOutcome:
    """Run ``job``: all of its outputs appear, or none.

    Parameters
    ----------
    job
        What is to be done.
    task
        What :func:`begin` has made of it, where that was called before.
    on_progress
        Called as the work goes on.

    Raises
    ------
    InputError, ResourceError
        As :func:`begin`, or what the job raises.
    """
    begun = task or begin(job)
    started = time.perf_counter()
    # Staged from the start: a folder that cannot be written fails before the work.
    with job.outputs.staged() as staged:
        outcome = begun.execute(on_progress)
        give_back_memory()  # of the engines, before that of the writers is added to it
        seconds = time.perf_counter() - started
        record = make_record(job, begun, outcome, seconds=seconds)
        write_outcome(outcome, staged, record, report_name(job.outputs))
        whole = with_outputs(record, job.outputs, staged)
        if own := record_name(job.outputs):
            write_record(whole, staged[own])
    return RunOutcome(job.outputs, whole, tuple(outcome.summary(whole)))
