"""QueueJobs: the jobs of a batch system that hold a cohort's workers, looked after."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

from distributed.deploy.spec import ProcessInterface

from regkit.errors import InputError

_LOOK = 15.0  # seconds between two questions to the batch system, which has others to serve
_PATIENCE = 30.0  # seconds for its answer
_COUNT = 1.0  # seconds between two counts of the workers


def refusable(job: type[Any]) -> type[Any]:
    """A job of dask-jobqueue that keeps why it was refused, instead of losing it in a log.

    Parameters
    ----------
    job
        The class of a batch system.
    """

    async def start(self: Any) -> None:
        try:
            await job.start(self)
        except (RuntimeError, ValueError, OSError) as error:
            self.refusal = refusal(error)
            await ProcessInterface.start(self)

    async def close(self: Any) -> None:
        await job.close(self)
        await ProcessInterface.close(self)  # else a cluster that still holds it fails to close

    return type(job.__name__, (job,), {"start": start, "close": close, "refusal": ""})


def refusal(error: Exception) -> str:
    r"""What a batch system said of a job that it did not take, in one line.

    Examples
    --------
    >>> refusal(RuntimeError("Exit code: 1\nstderr:\nsbatch: error: no queue x\nsbatch: no\n"))
    'no queue x; no'
    """
    said = str(error).rpartition("stderr:\n")[2]
    lines = [re.sub(r"^\w+: (error: )?", "", line).strip() for line in said.splitlines()]
    return "; ".join(filter(None, lines)) or type(error).__name__


def said_in(system: str) -> str:
    """Where the user says what is asked for."""
    return f"jobqueue.{system} in ~/.config/dask/jobqueue.yaml says what is asked for"


class QueueJobs:
    """Jobs that are asked for, and asked for again when they end while there is work.

    Dask itself waits for ever for a job that was refused, that ended before its worker came, or
    whose time is over.

    Parameters
    ----------
    cluster
        Of dask-jobqueue, with jobs that are :func:`refusable`.
    system
        The name of the batch system.
    listing
        The command that lists the user's jobs, each with its number.
    logs
        The folder in which jobs leave what they print.
    say
        Is told what a person should know.
    """

    def __init__(
        self,
        cluster: Any,
        system: str,
        listing: Sequence[str],
        logs: str,
        say: Callable[[str], None],
    ) -> None:
        self._cluster, self._system, self._listing = cluster, system, listing
        self._logs, self._say, self._said = logs, say, ""
        self._came: set[str] = set()  # names of jobs from which a worker came
        self._looked = self._counted = time.monotonic()

    def ask(self, workers: int) -> None:
        """Submit jobs for so many workers.

        Raises
        ------
        InputError
            If not one of them is taken.
        """
        self._cluster.scale(n=workers)
        self._cluster.sync(_settled, self._cluster)
        self._check_refused()

    def tend(self) -> None:
        """Look after the jobs, if it is time to.

        Raises
        ------
        InputError
            If none is left.
        """
        now = time.monotonic()
        if now - self._counted > _COUNT:
            self._counted = now
            self._came |= self._there()
        if now - self._looked > _LOOK:
            self._looked = now
            self._check_refused()
            self._check_ended()

    def _check_refused(self) -> None:
        """Say why jobs were refused; those that were taken go on without them."""
        asked = dict(self._cluster.workers)
        why = {name: job.refusal for name, job in asked.items() if job.refusal}
        if not why:
            return
        said = next(iter(why.values()))
        if len(why) == len(asked):
            raise InputError(f"{self._system} takes no job: {said}; {said_in(self._system)}")
        self._tell(f"{len(why)} of {len(asked)} jobs are refused, and tried again: {said}")
        self._submit_again(list(why))

    def _check_ended(self) -> None:
        """Submit again what has ended, unless no worker came from it."""
        listed = self._listed()
        if listed is None:
            return
        numbers = {name: str(job.job_id) for name, job in dict(self._cluster.workers).items()}
        ended = [name for name, number in numbers.items() if not _line_of(number, listed)]
        never = [name for name in ended if name not in self._came]
        self._submit_again([name for name in ended if name in self._came])
        if never:
            self._give_up(never, [numbers[name] for name in never])
        elif numbers and not ended and not self._came:
            first = _line_of(min(numbers.values(), key=int), listed)
            self._tell(f"no worker yet; the first job in the queue: {first}")

    def _submit_again(self, names: Sequence[str]) -> None:
        def forget() -> None:
            for name in names:
                self._cluster.workers.pop(name, None)
            self._cluster.scale(jobs=len(self._cluster.worker_spec))

        self._came -= set(names)
        if names:
            self._cluster.loop.add_callback(forget)

    def _give_up(self, names: Sequence[str], numbers: Sequence[str]) -> None:
        """Go on without jobs from which no worker came: others like them would end likewise."""

        def forget() -> None:
            for name in names:
                self._cluster.worker_spec.pop(name, None)
                self._cluster.workers.pop(name, None)

        left = set(self._cluster.worker_spec) - set(names)
        self._cluster.loop.add_callback(forget)
        ended = f"job {', '.join(numbers)} ended before a worker came; see {self._logs}"
        if not left:
            raise InputError(
                f"{self._system}: {ended}. If nodes did not find this machine, set interface; "
                f"{said_in(self._system)}"
            )
        self._tell(ended)

    def _tell(self, line: str) -> None:
        """A line, unless it is the last one again."""
        if line != self._said:
            self._said = line
            self._say(f"{self._system:<7} {line}")

    def _there(self) -> set[str]:
        """Names of jobs whose workers are there; processes of one job have a number behind."""
        found = [str(each["name"]) for each in self._cluster.scheduler_info["workers"].values()]
        found += [name.rpartition("-")[0] for name in found]
        return {*found} & set(self._cluster.worker_spec)

    def _listed(self) -> str | None:
        """The user's jobs, as the batch system lists them; None if it does not answer."""
        try:
            found = subprocess.run(  # noqa: S603 - words of regkit's own
                self._listing, capture_output=True, text=True, timeout=_PATIENCE, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return found.stdout


async def _settled(cluster: Any) -> None:
    await cluster


def _line_of(number: str, listed: str) -> str:
    """The line of a job, or nothing."""
    found = re.search(rf"^.*(?<!\d){number}(?!\d).*$", listed, re.MULTILINE)
    return found[0].strip() if found else ""
