"""Job: what a command does to its inputs, described so that it can be planned, run and repeated.

A job is a small frozen dataclass: paths, settings and names of outputs, no voxels. It pickles, so
that another process can run it. What it is asked, in this order:

1. :meth:`Job.check`: is everything allowed that can be judged without opening a file?
2. :meth:`Job.look`: the headers of its inputs, hence :meth:`Survey.needs`: memory and disk.
3. :meth:`Survey.open`: the inputs, read and checked. A dry run ends here.
4. :meth:`Task.execute`: the work.
5. :meth:`Outcome.write`: the files, under staged names, and beside them the report if there is one
   (:class:`WithReport`); the record follows, and all are published.

:func:`regkit.runs.running.run` asks it. A job whose headers or inputs are nothing of their own
returns itself where a survey or a task is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from regkit.runs.inputs import InputFile
from regkit.runs.outputs import Outputs
from regkit.runs.progress import OnProgress

if TYPE_CHECKING:
    from regkit.report import Page


@dataclass(frozen=True)
class Needs:
    """What a job takes at its peak.

    Parameters
    ----------
    memory
        Bytes beyond the program itself; a GPU's own memory is not in it.
    disk
        Bytes that its outputs take at least.
    of
        The inputs that decide it, as a message names them.
    helps
        What makes it smaller, as advice.
    """

    memory: int = 0
    disk: int = 0
    of: str = ""
    helps: str = "use images with larger voxels"


class Outcome(Protocol):
    """What a job has found, not written yet."""

    def entries(self, seconds: float) -> Mapping[str, Any]:
        """What the record says of it, as JSON can hold it.

        Parameters
        ----------
        seconds
            Wall time of the work. Where ``seconds`` is among the entries it is what the record
            says instead.
        """

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write every output but the record and the report of a :class:`WithReport`.

        Parameters
        ----------
        places
            The staged path of every output, by its name in :attr:`Job.outputs`. What is not
            written does not appear.
        record
            What the record says so far: all but the SHA-256 of the outputs.
        """

    def summary(self, record: Mapping[str, Any]) -> Sequence[str]:
        """Lines for a person, at the end."""


@runtime_checkable
class WithReport(Outcome, Protocol):
    """An outcome that has a report.

    Its page is written as the report of the run wherever :attr:`Job.outputs` has a name for one
    (:func:`regkit.runs.outputs.is_report`); inputs, times, notices and versions are added from the
    record.
    """

    def page(self) -> Page:
        """What the report says: its title, checks and sections."""


@runtime_checkable
class Restorable(Protocol):
    """A job that reads back what a finished run of it has found; see ``regkit report``."""

    def restored(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> WithReport:
        """Read the outcome of a finished run, computing nothing anew.

        Parameters
        ----------
        places
            Where its outputs are, by name.
        record
            What it wrote about itself.

        Raises
        ------
        InputError
            If an input or an output cannot be used, or the record is damaged.
        """


class Task(Protocol):
    """A job whose inputs have been read and checked."""

    @property
    def introduction(self) -> Sequence[str]:
        """Lines that tell a person what was taken for what."""

    @property
    def notices(self) -> Sequence[str]:
        """What a user should know about the inputs, though it is no error."""

    def execute(self, on_progress: OnProgress) -> Outcome:
        """Do the work, and write nothing."""


class Survey(Protocol):
    """A job whose inputs have been looked at by their headers."""

    def needs(self) -> Needs:
        """What the job will take."""

    def open(self) -> Task:
        """Read and check the inputs.

        Raises
        ------
        InputError
            If one cannot be used.
        """


class Job(Protocol):
    """See the head of this module."""

    @property
    def kind(self) -> str:
        """The name under which :mod:`regkit.runs.kinds` finds it again."""

    @property
    def outputs(self) -> Outputs:
        """The files that it writes, the record last."""

    def inputs(self) -> Sequence[InputFile]:
        """Every file that it reads and that decides the result."""

    def settings(self) -> Mapping[str, Any]:
        """All else that decides the result, as JSON can hold it: entries of the record.

        Two jobs with the same inputs and settings have the same result.
        """

    def plan(self) -> Mapping[str, Any]:
        """What a dry run shows beside inputs and outputs, as JSON can hold it."""

    def check(self) -> None:
        """Refuse what could not be carried out, opening no file.

        Raises
        ------
        InputError
            If something is not allowed. Outputs are checked besides.
        """

    def look(self) -> Survey:
        """Read the headers of the inputs.

        Raises
        ------
        InputError
            If one cannot be trusted.
        """
