"""RowKind: how the rows of a table become jobs of one kind, and kinds by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Protocol

from regkit.cohort.kept import RecentCache
from regkit.cohort.outliers import CohortOutliers
from regkit.cohort.row import PairRow
from regkit.errors import InputError
from regkit.plugins import plug_ins
from regkit.runs import Job, Outcome, Survey, Task
from regkit.runs.kinds import JOBS_GROUP
from regkit.settings import near

ROWS_GROUP = "regkit.rows"
# What pyproject.toml declares too; here so that a checkout that is not installed knows them.
_OWN = (
    EntryPoint("register", "regkit.cohort.register:REGISTER_ROWS", ROWS_GROUP),
    EntryPoint("apply", "regkit.cohort.apply:APPLY_ROWS", ROWS_GROUP),
    EntryPoint("scene", "regkit.cohort.scene:SCENE_ROWS", ROWS_GROUP),
    EntryPoint("evaluate", "regkit.cohort.evaluate:EVALUATE_ROWS", ROWS_GROUP),
)


class RowPicture(Protocol):
    """What is seen of an outcome, in a small file."""

    def save(self, path: Path) -> object:
        """Write it."""


@dataclass(frozen=True)
class OutcomeView:
    """What a kind tells of an outcome beyond its record.

    Parameters
    ----------
    numbers
        Further columns of the table of results.
    group
        Pairs of another group are not compared with it.
    shape
        Numbers by which a pair is compared with the others of its cohort, such as the logarithm
        of its affine; all empty, or all of one length.
    picture
        A thumbnail.
    """

    numbers: Mapping[str, float] = field(default_factory=dict)
    group: str = ""
    shape: tuple[float, ...] = ()
    picture: RowPicture | None = None


def open_plainly(survey: Survey, kept: RecentCache) -> Task:
    """The task of a survey, from its files alone."""
    return survey.open()


def see_nothing(outcome: Outcome) -> OutcomeView:
    """An outcome of which the record tells everything."""
    return OutcomeView()


@dataclass(frozen=True)
class RowKind:
    """What an entry point of the group ``regkit.rows`` names.

    It pickles: its functions are those of a module.

    Parameters
    ----------
    name
        What ``regkit cohort NAME`` calls it.
    make
        A row and the folder of its results to a job. It opens no file and raises `InputError`.
    required, optional
        Columns of files.
    several
        Those of them that may hold several files, between semicolons.
    options
        Columns of settings; None where any is taken, and judged by ``make``.
    images
        Columns of images whose world must be that of the other images of a subject.
    output
        The column after which results are named, with ``onto`` if that is among the columns.
    onto
        See ``output``.
    open
        Opens a survey, with what this process has kept of earlier jobs.
    see
        What is worth knowing of an outcome while it is in memory.
    outliers
        Entries of the results that are compared with those of the cohort, and how.
    """

    name: str
    make: Callable[[PairRow, Path], Job]
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    several: tuple[str, ...] = ()
    options: tuple[str, ...] | None = ()
    images: tuple[str, ...] = ()
    output: str = ""
    onto: str = ""
    open: Callable[[Survey, RecentCache], Task] = open_plainly
    see: Callable[[Outcome], OutcomeView] = see_nothing
    outliers: Mapping[str, CohortOutliers] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """All columns of files."""
        return (*self.required, *self.optional)


def kind_called(name: str) -> RowKind:
    """The kind of a name: regkit's own, one of another package, or any job made from a record.

    Raises
    ------
    InputError
        If nothing that is installed has it.
    """
    found = plug_ins(ROWS_GROUP, _OWN)
    if name in found:
        kind: RowKind = found[name].load()
        return kind
    jobs = plug_ins(JOBS_GROUP)
    if name in jobs:
        from regkit.cohort.recorded import recorded_rows

        return recorded_rows(name)
    raise InputError(f"{name!r:.40} is no kind of job{near(name, {*found, *jobs})}")
